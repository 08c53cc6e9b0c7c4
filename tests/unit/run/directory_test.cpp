// SPDX-License-Identifier: Apache-2.0
// Which files count, in which order, and what is set aside or removed.
#include "run/directory.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "run/lock.hpp"
#include "support/thrown.hpp"
#include "unit/io/scratch_folder.hpp"

namespace enas::run {
namespace {

namespace fs = std::filesystem;

void put(const fs::path& path, const std::string& text = "x") {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

using Names = std::set<std::string>;

struct RunDirectoryTest : testing::Test {
  io::ScratchFolder scratch;
  fs::path root = scratch / "runs/a run";
  Directory directory{root};

  void put_checkpoints(std::initializer_list<std::int64_t> steps) {
    for (const auto step : steps) put(directory.checkpoint_path(step), std::to_string(step));
  }
};

TEST_F(RunDirectoryTest, NamesItsFiles) {
  EXPECT_EQ(directory.checkpoint_path(1200), root / "checkpoints/step-00001200.h5");
  EXPECT_EQ(directory.checkpoint_path(1234567890), root / "checkpoints/step-1234567890.h5");
  EXPECT_EQ(directory.log_part_path(0, 1200), root / "log/part-00000000-00001200.h5");
}

TEST_F(RunDirectoryTest, ListsCheckpointsNewestFirst) {
  EXPECT_TRUE(directory.checkpoints().empty());
  put_checkpoints({200, 99999999, 100000000, 0, 1000});
  std::vector<std::int64_t> steps;
  for (const auto& file : directory.checkpoints()) {
    steps.push_back(file.step);
    EXPECT_EQ(file.path, directory.checkpoint_path(file.step));
  }
  EXPECT_EQ(steps, (std::vector<std::int64_t>{100000000, 99999999, 1000, 200, 0}));
}

TEST_F(RunDirectoryTest, IgnoresOtherNames) {
  for (const char* name :
       {"latest", "step-00000200.h5.bad", "step-00000200.h5.stale", "step-00000200.h5.stale.1",
        "step-.h5", "step-00x.h5", "step--0000001.h5", "step- 1.h5", "step-1.5.h5", "Step-1.h5",
        "step-99999999999999999999999.h5", "xstep-1.h5", "step-00000300.h5.tmp.77", ".h5",
        "step-"}) {
    put(root / "checkpoints" / name);
  }
  EXPECT_TRUE(directory.checkpoints().empty());
  const auto before = names_in(root / "checkpoints");
  EXPECT_EQ(directory.retire_after(-1), 0);
  directory.prune(0);
  EXPECT_EQ(names_in(root / "checkpoints"), before);
}

TEST_F(RunDirectoryTest, RetiresWhatCameAfterAStep) {
  put_checkpoints({0, 200, 400, 600});
  put(directory.log_part_path(0, 200));
  put(directory.log_part_path(200, 400));
  put(directory.log_part_path(400, 600));
  put(root / "log/notes.txt");
  put(root / "log/part-a-00000900.h5");
  put(root / "log/part-00000900.h5");
  EXPECT_EQ(directory.retire_after(400), 2);
  EXPECT_EQ(names_in(root / "checkpoints"), (Names{"step-00000000.h5", "step-00000200.h5",
                                                   "step-00000400.h5", "step-00000600.h5.stale"}));
  EXPECT_EQ(names_in(root / "log"), (Names{"part-00000000-00000200.h5", "part-00000200-00000400.h5",
                                           "part-00000400-00000600.h5.stale", "part-a-00000900.h5",
                                           "part-00000900.h5", "notes.txt"}));
  EXPECT_EQ(directory.retire_after(400), 0);
}

TEST_F(RunDirectoryTest, RetiresAPartThatGoesBeyondTheStep) {
  put(directory.log_part_path(200, 600));
  EXPECT_EQ(directory.retire_after(400), 1);
  EXPECT_EQ(names_in(root / "log"), Names{"part-00000200-00000600.h5.stale"});
}

TEST_F(RunDirectoryTest, RetiresEverythingBeforeANewStart) {
  put_checkpoints({0, 5});
  put(directory.log_part_path(0, 5));
  EXPECT_EQ(directory.retire_after(-1), 3);
  EXPECT_TRUE(directory.checkpoints().empty());
}

TEST_F(RunDirectoryTest, NeverOverwritesWhatWasRetired) {
  for (const char* text : {"first", "second", "third"}) {
    put(directory.checkpoint_path(5), text);
    put(directory.log_part_path(0, 5), text);
    EXPECT_EQ(directory.retire_after(4), 2);
  }
  const std::string checkpoint = directory.checkpoint_path(5).string() + ".stale";
  EXPECT_EQ(text_of(checkpoint), "first");
  EXPECT_EQ(text_of(checkpoint + ".1"), "second");
  EXPECT_EQ(text_of(checkpoint + ".2"), "third");
  EXPECT_EQ(text_of(directory.log_part_path(0, 5).string() + ".stale.2"), "third");
}

TEST_F(RunDirectoryTest, SetsBadCheckpointsAside) {
  for (const char* text : {"first", "second"}) {
    put(directory.checkpoint_path(5), text);
    directory.set_aside_bad(directory.checkpoint_path(5));
  }
  EXPECT_TRUE(directory.checkpoints().empty());
  EXPECT_EQ(text_of(directory.checkpoint_path(5).string() + ".bad"), "first");
  EXPECT_EQ(text_of(directory.checkpoint_path(5).string() + ".bad.1"), "second");
}

TEST_F(RunDirectoryTest, PrunesAllButTheNewest) {
  put_checkpoints({1, 2, 3, 10, 20});
  put(root / "checkpoints/step-00000001.h5.stale");
  directory.prune(7);
  EXPECT_EQ(directory.checkpoints().size(), 5U);
  directory.prune(2);
  EXPECT_EQ(names_in(root / "checkpoints"),
            (Names{"step-00000010.h5", "step-00000020.h5", "step-00000001.h5.stale"}));
}

// A link to itself can be looked into by nobody, not even by a privileged user.
TEST_F(RunDirectoryTest, SaysWhichFolderCannotBeListed) {
  fs::create_directories(root);
  fs::create_symlink("checkpoints", root / "checkpoints");
  const std::string message = thrown<SystemError>([&] { directory.checkpoints(); });
  EXPECT_TRUE(contains(message, "cannot list " + (root / "checkpoints").string())) << message;
  EXPECT_THROW(directory.retire_after(0), SystemError);
}

TEST_F(RunDirectoryTest, PruningLeavesWhatItCannotListOrRemove) {
  put_checkpoints({1, 2, 3});
  fs::remove(directory.checkpoint_path(2));
  put(directory.checkpoint_path(2) / "a folder with a file");
  directory.prune(1);
  EXPECT_EQ(directory.checkpoints().size(), 2U);
  fs::remove_all(root / "checkpoints");
  fs::create_symlink("checkpoints", root / "checkpoints");
  EXPECT_NO_THROW(directory.prune(1));
}

TEST_F(RunDirectoryTest, SetsALinkToItselfAsideAsStale) {
  fs::create_directories(root);
  fs::create_symlink("best.json", root / "best.json");
  directory.set_aside_stale("best.json");
  directory.set_aside_stale("test.json");  // which is not there
  EXPECT_EQ(names_in(root), Names{"best.json.stale"});
}

TEST_F(RunDirectoryTest, OpensOnce) {
  directory.open_on_root();
  EXPECT_EQ(names_in(root), (Names{"checkpoints", "log", "run.lock"}));
  Directory second(root);
  const std::string message = thrown<ConfigError>([&] { second.open_on_root(); });
  EXPECT_TRUE(contains(message, "in use")) << message;
  EXPECT_EQ(thrown_code([&] { second.open_on_root(); }), ExitCode::cannot_create);
  directory.close_on_root();
  second.open_on_root();
}

TEST_F(RunDirectoryTest, RemovesLeftOverTemporaries) {
  put_checkpoints({5});
  put(root / "checkpoints/step-00000006.h5.tmp.4711");
  put(root / "log/part-00000000-00000006.h5.tmp.4711");
  put(root / "status.json.tmp.4711");
  put(root / "mine.tmp.txt");
  directory.open_on_root();
  EXPECT_EQ(names_in(root), (Names{"checkpoints", "log", "run.lock", "mine.tmp.txt"}));
  EXPECT_EQ(names_in(root / "checkpoints"), Names{"step-00000005.h5"});
  EXPECT_TRUE(names_in(root / "log").empty());
}

TEST_F(RunDirectoryTest, KeepsFilesThatNoRunWrote) {
  put(root / "config.toml", "mine");
  put(root / "checkpoints/latest", "mine");
  put(root / "notes.tmp.2023", "mine");
  const std::string message = thrown<ConfigError>([&] { directory.open_on_root(); });
  EXPECT_TRUE(contains(message, "config.toml, checkpoints/latest")) << message;
  EXPECT_EQ(thrown_code([&] { directory.open_on_root(); }), ExitCode::cannot_create);
  EXPECT_EQ(names_in(root), (Names{"checkpoints", "config.toml", "notes.tmp.2023"}));
  fs::remove(root / "config.toml");
  fs::remove(root / "checkpoints/latest");
  directory.open_on_root();
  EXPECT_EQ(text_of(root / "notes.tmp.2023"), "mine");
}

TEST_F(RunDirectoryTest, GoesOnWhereARunWasBegun) {
  for (const char* sign : {"run.lock", "checkpoints/step-00000005.h5"}) {
    const fs::path folder = scratch / fs::path(sign).filename().string();
    put(folder / sign, "");
    put(folder / "config.toml");
    EXPECT_NO_THROW(Directory(folder).open_on_root()) << sign;
  }
}

TEST_F(RunDirectoryTest, LeavesTheTemporariesOfARunningHolder) {
  directory.open_on_root();
  put(root / "checkpoints/step-00000006.h5.tmp.4711");
  Directory second(root);
  EXPECT_THROW(second.open_on_root(), ConfigError);
  EXPECT_TRUE(fs::exists(root / "checkpoints/step-00000006.h5.tmp.4711"));
}

TEST_F(RunDirectoryTest, RefusesAFileInItsPlace) {
  put(root, "a file");
  EXPECT_EQ(thrown_code([&] { directory.open_on_root(); }), ExitCode::cannot_create);
}

TEST_F(RunDirectoryTest, WritesSmallFiles) {
  directory.open_on_root();
  directory.write_latest(1200);
  EXPECT_EQ(text_of(root / "checkpoints/latest"), "step-00001200.h5\n");
  directory.write_text("config.toml", "a = 1\n");
  EXPECT_EQ(text_of(root / "config.toml"), "a = 1\n");
  directory.write_json("status.json", {{"step", 3}, {"a", nullptr}});
  EXPECT_EQ(Json::parse(text_of(root / "status.json")), (Json{{"step", 3}, {"a", nullptr}}));
  EXPECT_TRUE(directory.checkpoints().empty());
}

}  // namespace
}  // namespace enas::run
