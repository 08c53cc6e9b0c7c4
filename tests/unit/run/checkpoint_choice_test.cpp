// SPDX-License-Identifier: Apache-2.0
// Which files a path means. That real checkpoints are opened and hashed is tested in tests/e2e.
#include "run/checkpoint_choice.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "support/thrown.hpp"
#include "unit/io/scratch_folder.hpp"

namespace enas::run {
namespace {

namespace fs = std::filesystem;

struct CheckpointChoiceTest : testing::Test {
  CheckpointChoiceTest() {
    for (const auto step : {5, 10}) put(Directory(run).checkpoint_path(step));
    put(folder / "latest");
  }

  static void put(const fs::path& path) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "\x89HDF\r\n\x1a\n";  // what every HDF5 file begins with
  }

  io::ScratchFolder scratch;
  fs::path run = scratch / "run";
  fs::path folder = run / "checkpoints";
  fs::path newest = folder / "step-00000010.h5";
  fs::path older = folder / "step-00000005.h5";
};

TEST_F(CheckpointChoiceTest, WhatLiesInARunDirectoryMeansTheRun) {
  for (const fs::path& asked : {run, run / "", folder, folder / "", folder / "latest"}) {
    EXPECT_EQ(fs::weakly_canonical(run_directory_of(asked) / "."), fs::weakly_canonical(run / "."))
        << asked;
  }
}

TEST_F(CheckpointChoiceTest, OtherPathsComeBackAsTheyAre) {
  put(scratch / "checkpoints/notes.txt");
  put(scratch / "latest");
  for (const fs::path& asked :
       {older, scratch / "checkpoints", scratch / "nowhere", scratch / "nowhere/latest",
        fs::path("."), fs::path("checkpoints")}) {
    EXPECT_EQ(run_directory_of(asked), asked);
  }
}

TEST_F(CheckpointChoiceTest, ARunDirectoryMayBeCalledCheckpoints) {
  const fs::path odd = scratch / "checkpoints";
  put(Directory(odd).checkpoint_path(3));
  EXPECT_EQ(run_directory_of(odd), odd);
  EXPECT_EQ(run_directory_of(odd / "checkpoints"), odd);
}

TEST_F(CheckpointChoiceTest, TheNewestThatOpensIsTaken) {
  for (const fs::path& asked : {run, folder, folder / "latest"}) {
    const auto all = checkpoints_at(asked);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].path, newest);
    const auto chosen = choose_checkpoint(asked, [](const fs::path&) {});
    EXPECT_EQ(chosen.path, newest);
    EXPECT_EQ(chosen.warning, "");
    const auto second = choose_checkpoint(asked, [&](const fs::path& path) {
      if (path == newest) throw InputError("it is damaged");
    });
    EXPECT_EQ(second.path, older);
    EXPECT_EQ(second.warning, "passed over:\n  it is damaged\nusing " + older.string());
  }
}

TEST_F(CheckpointChoiceTest, AFileThatIsNamedIsTakenAsItIs) {
  const auto never = [](const fs::path&) { throw InputError("it is damaged"); };
  EXPECT_EQ(choose_checkpoint(older, never).path, older);
  EXPECT_TRUE(contains(thrown<InputError>([&] { choose_checkpoint(run, never); }),
                       "no checkpoint can be used:\n  it is damaged\n  it is damaged"));
}

TEST_F(CheckpointChoiceTest, AFileOfAnotherKindIsNoCheckpoint) {
  std::ofstream(run / "best.json") << "{}";
  EXPECT_TRUE(contains(thrown<InputError>([&] { checkpoints_at(run / "best.json"); }),
                       "best.json is no checkpoint; a run directory"));
}

TEST_F(CheckpointChoiceTest, APipeIsNotWaitedFor) {
  const fs::path pipe = scratch / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_TRUE(
      contains(thrown<InputError>([&] { checkpoints_at(pipe); }), "pipe is not a regular file"));
}

// As another user, since root may read everything: in a process of its own.
TEST_F(CheckpointChoiceTest, AFileThatMayNotBeReadIsNotTakenForAnotherKind) {
  fs::permissions(scratch.path(), fs::perms(0755));
  const fs::path closed = scratch / "closed.h5";
  put(closed);
  fs::permissions(closed, fs::perms::none);
  EXPECT_EXIT(
      {
        constexpr uid_t kNobody = 65534;
        const bool is_other = geteuid() != 0 || setuid(kNobody) == 0;
        const auto ask = [&] { checkpoints_at(closed); };
        const bool says_why = contains(thrown<InputError>(ask), "cannot be opened: Permission");
        const bool has_code = thrown_code(ask) == ExitCode::missing_input;
        _exit(is_other && says_why && has_code ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(CheckpointChoiceTest, WhereThereIsNoneTheCodeSaysSo) {
  fs::create_directories(scratch / "empty");
  for (const char* name : {"empty", "nowhere"}) {
    EXPECT_EQ(thrown_code([&] { checkpoints_at(scratch / name); }), ExitCode::missing_input);
  }
}

TEST_F(CheckpointChoiceTest, APathThatCannotBeFollowedIsNotSaidToBeAbsent) {
  fs::create_symlink("loop", scratch / "loop");
  EXPECT_TRUE(contains(thrown<InputError>([&] { checkpoints_at(scratch / "loop"); }),
                       "loop cannot be opened: Too many levels of symbolic links"));
}

TEST_F(CheckpointChoiceTest, AFolderThatCannotBeListedKeepsNoHintFromTheUser) {
  fs::create_directories(scratch / "odd");
  fs::create_symlink("checkpoints", scratch / "odd/checkpoints");
  EXPECT_TRUE(contains(thrown<InputError>([&] { checkpoints_at(scratch.path()); }),
                       "holds no checkpoint; there are some in: " + run.string()));
}

}  // namespace
}  // namespace enas::run
