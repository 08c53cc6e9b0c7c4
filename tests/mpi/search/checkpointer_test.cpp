// SPDX-License-Identifier: Apache-2.0
// What all ranks save together they load together; a failure changes nothing and is known to all.
#include "search/checkpointer.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>

#include "io/durable_file.hpp"
#include "mpi/search/small_search.hpp"
#include "unit/search/thrown.hpp"

namespace enas::search {
namespace {

namespace fs = std::filesystem;

/// A folder that all ranks see, made and removed by rank 0.
class SharedFolder {
 public:
  SharedFolder() {
    std::string name = testing::TempDir() + "enas_search_XXXXXX";
    if (test_world().is_root() && mkdtemp(name.data()) == nullptr) {
      throw std::runtime_error("mkdtemp failed");
    }
    path_ = test_world().broadcast_text(name);
  }
  ~SharedFolder() {
    std::error_code ignored;
    if (test_world().is_root()) fs::remove_all(path_, ignored);
  }
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

RunIdentity identity_of(const Settings& settings) {
  RunIdentity identity;
  identity.config.toml = "a = 1\n";
  identity.config.entries = {{"weights.slots", std::to_string(settings.weights.slots), true}};
  identity.threads = 3;
  identity.ranks = test_world().size();
  identity.jobs = {"17"};
  return identity;
}

/// One program's worth of search state around a run directory.
struct Program {
  Program(const fs::path& folder, const Settings& settings, std::uint64_t seed,
          RunIdentity identity)
      : parts(settings, seed),
        log(1),  // silent
        directory(folder),
        run_log(parts.space),
        guard(test_world(), parts.supernet, parts.strategy),
        own(comm::block_of(test_world().rank(), test_world().size(), settings.weights.slots)),
        state(parts.new_state(own.size(), 6)),
        checkpointer(test_world(), log, directory, guard, parts.settings, std::move(identity),
                     {parts.supernet, parts.strategy, state, run_log, parts.space,
                      parts.columns.train.column_length()}) {}
  Program(const fs::path& folder, const Settings& settings, std::uint64_t seed)
      : Program(folder, settings, seed, identity_of(settings)) {}

  /// Values that say which slot they are of.
  float slot_value(int slot, std::int64_t i) const {
    return 1000.0F * static_cast<float>(slot) + 0.25F * static_cast<float>(i);
  }
  void fill(std::int64_t step) {
    state.progress = {step, 3, 0, 2, 1, 1, 0.5, 81.5};
    state.best = {77.25, step - 1, {1, 0, 2, 1, 3}};
    for (int slot = own.begin; slot < own.end; ++slot) {
      auto* values = state.slot_state[static_cast<std::size_t>(slot - own.begin)].data_ptr<float>();
      for (std::int64_t i = 0; i < 24; ++i) values[i] = slot_value(slot, i);
    }
  }
  void expect_filled(std::int64_t step) const {
    EXPECT_EQ(state.progress.step, step);
    EXPECT_EQ(state.progress.round, 3);
    EXPECT_EQ(state.progress.index, 2);
    EXPECT_EQ(state.progress.bad_steps, 1);
    EXPECT_EQ(state.progress.rollbacks, 1);
    EXPECT_EQ(state.progress.lr_factor, 0.5);
    EXPECT_EQ(state.progress.mean_perplexity, 81.5);
    EXPECT_EQ(state.best.perplexity, 77.25);
    EXPECT_EQ(state.best.step, step - 1);
    EXPECT_EQ(state.best.tokens, (std::vector<std::int32_t>{1, 0, 2, 1, 3}));
    EXPECT_EQ(state.slot_state.size(), static_cast<std::size_t>(own.size()));
    for (int slot = own.begin; slot < own.end; ++slot) {
      const auto& carried = state.slot_state[static_cast<std::size_t>(slot - own.begin)];
      EXPECT_EQ(carried.sizes(), at::IntArrayRef({3, 8}));
      const auto values = values_of(carried);
      for (std::int64_t i = 0; i < 24; ++i) {
        EXPECT_EQ(values[static_cast<std::size_t>(i)], slot_value(slot, i)) << "slot " << slot;
      }
    }
  }
  io::Digest replicas() {
    auto arrays = parts.strategy.state();
    const auto weights = arrays_of(parts.supernet);
    arrays.insert(arrays.end(), weights.begin(), weights.end());
    return digest_of(arrays);
  }

  SmallSearch parts;
  Log log;
  RunDirectory directory;
  RunLog run_log;
  ReplicaGuard guard;
  comm::Block own;
  SearchState state;
  Checkpointer checkpointer;
};

struct CheckpointerTest : testing::Test {
  SharedFolder folder;
  Settings settings = small_settings(5);

  CheckpointerTest() {
    // The lock is given back at once: a test is one process a rank.
    if (test_world().is_root()) RunDirectory(folder.path()).open_on_root();
    test_world().barrier();
  }
  /// The folder goes with the fixture; other ranks may still read in it.
  void TearDown() override { test_world().barrier(); }

  std::vector<std::int64_t> steps() const {
    test_world().barrier();
    std::vector<std::int64_t> found;
    for (const auto& file : RunDirectory(folder.path()).checkpoints()) found.push_back(file.step);
    test_world().barrier();
    return found;
  }
  bool exists(const fs::path& path) const {
    test_world().barrier();
    const bool there = fs::exists(path);
    test_world().barrier();
    return there;
  }
  void on_root(const std::function<void()>& work) const {
    test_world().barrier();
    if (test_world().is_root()) work();
    test_world().barrier();
  }
};

TEST_F(CheckpointerTest, LoadsWhatWasSaved) {
  Program saved(folder.path(), settings, 1);
  saved.fill(40);
  EXPECT_TRUE(saved.checkpointer.save());
  EXPECT_EQ(saved.checkpointer.last_step(), 40);

  Program loaded(folder.path(), settings, 2);
  EXPECT_NE(loaded.replicas(), saved.replicas());
  loaded.state.children = {};
  EXPECT_TRUE(loaded.checkpointer.load({}));
  EXPECT_EQ(loaded.replicas(), saved.replicas());
  EXPECT_EQ(loaded.state.children.rows, 5);
  EXPECT_EQ(loaded.state.children.steps, 6);
  EXPECT_EQ(loaded.state.children.num_tokens, 5);
  EXPECT_EQ(loaded.state.children.tokens, saved.state.children.tokens);
  loaded.expect_filled(40);
  EXPECT_EQ(loaded.checkpointer.last_step(), 40);
  if (test_world().is_root()) EXPECT_EQ(loaded.checkpointer.loaded().threads, 3);
}

TEST_F(CheckpointerTest, KeepsSlotStatesInSlotOrder) {
  Program saved(folder.path(), settings, 1);
  saved.fill(40);
  saved.checkpointer.save();
  const io::ImageReader image(io::read_sealed(saved.directory.checkpoint_path(40)), "file");
  EXPECT_EQ(image.shape("/slots/state"), (std::vector<std::int64_t>{5, 3, 8}));
  const auto values = image.read<float>("/slots/state");
  for (int slot = 0; slot < 5; ++slot) {
    for (std::int64_t i = 0; i < 24; ++i) {
      EXPECT_EQ(values[static_cast<std::size_t>(24 * slot + i)], saved.slot_value(slot, i));
    }
  }
}

TEST_F(CheckpointerTest, LoadsNothingFromAnEmptyDirectory) {
  Program program(folder.path(), settings, 1);
  const auto before = program.replicas();
  EXPECT_FALSE(program.checkpointer.load({}));
  EXPECT_EQ(program.replicas(), before);
  EXPECT_EQ(program.checkpointer.last_step(), -1);
}

TEST_F(CheckpointerTest, KeepsPartsBetweenCheckpointsAndPrunes) {
  settings.checkpoint.keep = 2;
  Program program(folder.path(), settings, 1);
  for (const std::int64_t step : {0, 10, 20, 30}) {
    program.fill(step);
    if (step > 0) program.run_log.add_event(step - 1, "rollback", "text");
    EXPECT_TRUE(program.checkpointer.save());
  }
  EXPECT_EQ(steps(), (std::vector<std::int64_t>{30, 20}));
  for (const std::int64_t step : {10, 20, 30}) {
    const io::ImageReader part(io::read_sealed(program.directory.log_part_path(step - 10, step)),
                               "part");
    // Rows are written once, on rank 0.
    EXPECT_EQ(part.read<std::int64_t>("/events/step"), std::vector<std::int64_t>{step - 1});
  }
  std::string latest;
  std::ifstream(folder.path() / "checkpoints/latest") >> latest;
  EXPECT_EQ(latest, "step-00000030.h5");
}

TEST_F(CheckpointerTest, TakesTheOneBeforeABadOne) {
  Program saved(folder.path(), settings, 1);
  for (const std::int64_t step : {10, 20}) {
    saved.fill(step);
    saved.checkpointer.save();
  }
  const auto newest = saved.directory.checkpoint_path(20);
  on_root([&] { fs::resize_file(newest, fs::file_size(newest) - 1); });
  Program loaded(folder.path(), settings, 2);
  EXPECT_TRUE(loaded.checkpointer.load({}));
  loaded.expect_filled(10);
  EXPECT_FALSE(exists(newest));
  EXPECT_TRUE(exists(newest.string() + ".bad"));

  on_root([&] { std::ofstream(saved.directory.checkpoint_path(10)) << "x"; });
  const auto before = loaded.replicas();
  const ExitCode code = thrown_code([&] { loaded.checkpointer.load({}); });
  EXPECT_EQ(code, ExitCode::bad_data);
  EXPECT_EQ(loaded.replicas(), before);
  // Nothing is renamed when nothing older is good.
  EXPECT_EQ(steps(), std::vector<std::int64_t>{10});
}

TEST_F(CheckpointerTest, LoadsANamedFileAndNeverRenamesIt) {
  Program saved(folder.path(), settings, 1);
  for (const std::int64_t step : {10, 20}) {
    saved.fill(step);
    saved.checkpointer.save();
  }
  Program loaded(folder.path(), settings, 2);
  EXPECT_TRUE(loaded.checkpointer.load({.path = saved.directory.checkpoint_path(10)}));
  loaded.expect_filled(10);
  const auto text = folder.path() / "text.h5";
  on_root([&] { std::ofstream(text) << "x"; });
  EXPECT_THROW(loaded.checkpointer.load({.path = text}), Error);
  EXPECT_TRUE(exists(text));
  loaded.expect_filled(10);
}

TEST_F(CheckpointerTest, RefusesAnotherConfigurationUnlessForced) {
  Program saved(folder.path(), settings, 1);
  saved.fill(10);
  saved.checkpointer.save();
  auto identity = identity_of(settings);
  identity.config.entries[0].value = "6";
  Program other(folder.path(), settings, 2, identity);
  const auto before = other.replicas();
  const std::string message = thrown<ConfigError>([&] { other.checkpointer.load({}); });
  EXPECT_TRUE(contains(message, "weights.slots: 5 in the checkpoint, 6 now")) << message;
  EXPECT_EQ(other.replicas(), before);
  EXPECT_EQ(steps(), std::vector<std::int64_t>{10});
  EXPECT_TRUE(other.checkpointer.load({.force = true}));
  other.expect_filled(10);
}

TEST_F(CheckpointerTest, AForcedLoadThatCannotWorkRenamesNothing) {
  Program saved(folder.path(), settings, 1);
  saved.fill(10);
  saved.checkpointer.save();
  Settings wider = settings;
  wider.supernet.hidden = 9;
  auto identity = identity_of(wider);
  identity.config.entries.push_back({"supernet.hidden", "9", true});
  Program other(folder.path(), wider, 2, identity);
  EXPECT_NE(thrown_code([&] { other.checkpointer.load({.force = true}); }), ExitCode::success);
  EXPECT_EQ(steps(), std::vector<std::int64_t>{10});
}

TEST_F(CheckpointerTest, GoesBackToBeforeTheBadSteps) {
  Program saved(folder.path(), settings, 1);
  for (const std::int64_t step : {10, 20}) {
    saved.fill(step);
    saved.state.progress.bad_steps = step == 20 ? 2 : 0;
    saved.checkpointer.save();
  }
  Program loaded(folder.path(), settings, 2);
  EXPECT_TRUE(loaded.checkpointer.load({.before_bad_steps = true}));
  EXPECT_EQ(loaded.state.progress.step, 10);
  EXPECT_EQ(loaded.replicas(), saved.replicas());
  EXPECT_TRUE(loaded.checkpointer.load({}));
  EXPECT_EQ(loaded.state.progress.step, 20);
}

TEST_F(CheckpointerTest, RefusesAPositionThatThePhaseDoesNotHave) {
  Program saved(folder.path(), settings, 1);
  saved.fill(10);
  saved.state.progress.index = 6;  // of 6 steps
  saved.checkpointer.save();
  Program loaded(folder.path(), settings, 2);
  const std::string message = thrown<ConfigError>([&] { loaded.checkpointer.load({}); });
  EXPECT_TRUE(contains(message, "index is 6")) << message;
  EXPECT_EQ(steps(), std::vector<std::int64_t>{10});
}

TEST_F(CheckpointerTest, KnowsWhetherItsStateIsFinite) {
  Program program(folder.path(), settings, 1);
  EXPECT_TRUE(program.checkpointer.state_is_finite());
  const auto weights = arrays_of(program.parts.supernet);
  const auto strategy = program.parts.strategy.state();
  for (const auto& array : {weights.back(), strategy.front()}) {
    auto& value = std::get<std::span<float>>(array.values).back();
    const float before = value;
    value = std::numeric_limits<float>::infinity();
    EXPECT_FALSE(program.checkpointer.state_is_finite()) << array.name;
    value = before;
  }
  EXPECT_TRUE(program.checkpointer.state_is_finite());
}

TEST_F(CheckpointerTest, DoesNotSaveReplicasThatDiffer) {
  if (test_world().size() == 1) GTEST_SKIP() << "needs two ranks";
  Program program(folder.path(), settings, 1);
  program.fill(10);
  if (test_world().rank() == 1) flip_bit(arrays_of(program.parts.supernet)[3]);
  EXPECT_THROW(program.checkpointer.save(), ReplicasDiffer);
  EXPECT_TRUE(steps().empty());
}

TEST_F(CheckpointerTest, AFailedWriteIsAWarningUntilThereAreTooMany) {
  settings.checkpoint.max_failures = 3;
  Program program(folder.path(), settings, 1);
  program.fill(10);
  EXPECT_TRUE(program.checkpointer.save());
  // A file where the folder should be: even a privileged user cannot write into it.
  const auto checkpoints = folder.path() / "checkpoints";
  const auto aside = folder.path() / "aside";
  const auto block = [&] {
    fs::rename(checkpoints, aside);
    std::ofstream(checkpoints) << "x";
  };
  const auto unblock = [&] {
    fs::remove(checkpoints);
    fs::rename(aside, checkpoints);
  };
  on_root(block);
  program.run_log.add_event(15, "rollback", "first");
  program.fill(20);
  EXPECT_FALSE(program.checkpointer.save());
  EXPECT_EQ(program.checkpointer.last_step(), 10);
  EXPECT_FALSE(exists(program.directory.log_part_path(10, 20)));
  on_root(unblock);

  program.run_log.add_event(25, "rollback", "second");
  program.fill(30);
  EXPECT_TRUE(program.checkpointer.save());
  const io::ImageReader part(io::read_sealed(program.directory.log_part_path(10, 30)), "part");
  EXPECT_EQ(part.read<std::int64_t>("/events/step"), (std::vector<std::int64_t>{15, 25}));

  on_root(block);
  program.fill(40);
  EXPECT_FALSE(program.checkpointer.save());
  EXPECT_FALSE(program.checkpointer.save());
  EXPECT_EQ(thrown_code([&] { program.checkpointer.save(); }), ExitCode::io_error);
  on_root(unblock);
  EXPECT_EQ(steps(), (std::vector<std::int64_t>{30, 10}));
}

TEST_F(CheckpointerTest, PartAndCheckpointComeTogetherOrNotAtAll) {
  Program program(folder.path(), settings, 1);
  program.fill(10);
  EXPECT_TRUE(program.checkpointer.save());
  const auto latest = folder.path() / "checkpoints/latest";
  on_root([&] {
    fs::remove(latest);
    fs::create_directory(latest);
  });
  program.fill(20);
  EXPECT_FALSE(program.checkpointer.save());
  EXPECT_EQ(exists(program.directory.log_part_path(10, 20)),
            exists(program.directory.checkpoint_path(20)));
  on_root([&] { fs::remove(latest); });
  program.fill(30);
  EXPECT_TRUE(program.checkpointer.save());
  // Whichever checkpoint a later job starts from, the parts before it have no gap.
  EXPECT_EQ(steps(), (std::vector<std::int64_t>{30, 10}));
  EXPECT_TRUE(exists(program.directory.log_part_path(10, 30)));
}

TEST_F(CheckpointerTest, CountsTheTimeAndJobsOfAllJobs) {
  auto first = identity_of(settings);
  first.wall_seconds = 1000.0;
  first.jobs = {"16"};
  Program saved(folder.path(), settings, 1, first);
  saved.fill(10);
  saved.checkpointer.save();
  Program loaded(folder.path(), settings, 2);
  loaded.checkpointer.load({});
  EXPECT_GE(loaded.checkpointer.wall_seconds(), 1000.0);
  EXPECT_LT(loaded.checkpointer.wall_seconds(), 1100.0);
  // A reload in the middle of the job goes by its own clock.
  auto later = first;
  later.wall_seconds = 5000.0;
  Program rival(folder.path(), settings, 3, later);
  rival.fill(15);
  rival.checkpointer.save();
  loaded.checkpointer.load({});
  EXPECT_LT(loaded.checkpointer.wall_seconds(), 1100.0);
  loaded.fill(20);
  loaded.checkpointer.save();
  const CheckpointReader reader(loaded.directory.checkpoint_path(20));
  EXPECT_EQ(reader.identity().jobs, (std::vector<std::string>{"16", "17"}));
}

}  // namespace
}  // namespace enas::search
