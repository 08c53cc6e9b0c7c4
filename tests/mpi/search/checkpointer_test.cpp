// SPDX-License-Identifier: Apache-2.0
// What all ranks save together they load together; a failure changes nothing and is known to all.
#include "run/checkpointer.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "core/text.hpp"
#include "io/sealed_file.hpp"
#include "mpi/search/checkpoint_program.hpp"
#include "support/thrown.hpp"

namespace enas::search {
namespace {

TEST_F(CheckpointerTest, LoadsWhatWasSaved) {
  Program saved(folder.path(), settings, 1);
  saved.fill(40);
  EXPECT_TRUE(saved.checkpointer.save());
  EXPECT_EQ(saved.checkpointer.last_step(), 40);

  Program loaded(folder.path(), settings, 2);
  EXPECT_NE(loaded.replicas(), saved.replicas());
  loaded.content.children = {};
  EXPECT_TRUE(loaded.checkpointer.load({}));
  EXPECT_EQ(loaded.replicas(), saved.replicas());
  EXPECT_EQ(loaded.content.children.shape, (std::vector<std::int64_t>{5, 6, 5}));
  EXPECT_EQ(loaded.content.children.tokens, saved.content.children.tokens);
  loaded.expect_filled(40);
  EXPECT_EQ(loaded.checkpointer.last_step(), 40);
  EXPECT_EQ(loaded.checkpointer.loaded().threads, test_world().is_root() ? 3 : 1);
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

/// Gives every velocity a value of its own.
void set_velocities(const train::Optimizer& optimizer, float start) {
  for (const auto& array : optimizer.state()) {
    for (float& value : std::get<std::span<float>>(array.values)) value = start += 0.125F;
  }
}

TEST_F(CheckpointerTest, LoadsMomentum) {
  for (const space::SpaceKind kind : kAllKinds) {
    settings = small_settings_of(kind, 5);
    settings.weights.momentum = 0.9;
    Program saved(folder.path(), settings, 1);
    const std::int64_t step = 40 + static_cast<std::int64_t>(kind);
    saved.fill(step);
    set_velocities(saved.parts.optimizer, -3.0F);
    EXPECT_TRUE(saved.checkpointer.save());

    Program loaded(folder.path(), settings, 2);
    set_velocities(loaded.parts.optimizer, 7.0F);
    EXPECT_TRUE(loaded.checkpointer.load({}));
    EXPECT_EQ(run::digest_of(loaded.parts.optimizer.state()),
              run::digest_of(saved.parts.optimizer.state()));
    EXPECT_EQ(loaded.replicas(), saved.replicas());
    EXPECT_EQ(loaded.content.children.tokens, saved.content.children.tokens);
    loaded.expect_filled(step);
  }
}

TEST_F(CheckpointerTest, ARunWithoutMomentumCannotBeGoneOnWithWithIt) {
  Program saved(folder.path(), settings, 1);
  saved.fill(40);
  EXPECT_TRUE(saved.checkpointer.save());
  settings.weights.momentum = 0.9;
  Program loaded(folder.path(), settings, 2);
  const auto before = loaded.replicas();
  EXPECT_EQ(thrown_code([&] { loaded.checkpointer.load({}); }), ExitCode::bad_data);
  EXPECT_EQ(loaded.replicas(), before);
}

TEST_F(CheckpointerTest, LoadsNothingFromAnEmptyDirectory) {
  Program program(folder.path(), settings, 1);
  const auto before = program.replicas();
  EXPECT_FALSE(program.checkpointer.load({}));
  EXPECT_EQ(program.replicas(), before);
  EXPECT_EQ(program.checkpointer.last_step(), -1);
}

TEST_F(CheckpointerTest, KeepsPartsBetweenCheckpointsAndPrunes) {
  settings.run.checkpoint.keep = 2;
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
  EXPECT_TRUE(other.checkpointer.load({.path = {}, .force = true}));
  other.expect_filled(10);
}

TEST_F(CheckpointerTest, AForcedLoadThatCannotWorkRenamesNothing) {
  Program saved(folder.path(), settings, 1);
  saved.fill(10);
  saved.checkpointer.save();
  Settings wider = settings;
  wider.supernet.recurrent.hidden = 9;
  auto identity = identity_of(wider);
  identity.config.entries.push_back({"supernet.hidden", "9", true});
  Program other(folder.path(), wider, 2, identity);
  EXPECT_NE(thrown_code([&] { other.checkpointer.load({.path = {}, .force = true}); }),
            ExitCode::success);
  EXPECT_EQ(steps(), std::vector<std::int64_t>{10});
}

TEST_F(CheckpointerTest, GoesBackToBeforeTheBadSteps) {
  Program saved(folder.path(), settings, 1);
  for (const std::int64_t step : {10, 20}) {
    saved.fill(step);
    saved.content.progress.bad_steps = step == 20 ? 2 : 0;
    saved.checkpointer.save();
  }
  Program loaded(folder.path(), settings, 2);
  EXPECT_TRUE(loaded.checkpointer.load({.path = {}, .before_bad_steps = true}));
  EXPECT_EQ(loaded.content.progress.step, 10);
  EXPECT_EQ(loaded.replicas(), saved.replicas());
  EXPECT_TRUE(loaded.checkpointer.load({}));
  EXPECT_EQ(loaded.content.progress.step, 20);
}

TEST_F(CheckpointerTest, GoesBackToOneOfTheBadStepsWhenAllOthersAreDamaged) {
  Program saved(folder.path(), settings, 1);
  for (const std::int64_t step : {10, 20, 30}) {
    saved.fill(step);
    saved.content.progress.bad_steps = step == 10 ? 0 : 2;
    saved.checkpointer.save();
  }
  const auto damaged = saved.directory.checkpoint_path(10);
  on_root([&] { fs::resize_file(damaged, fs::file_size(damaged) - 1); });
  Program loaded(folder.path(), settings, 2);
  EXPECT_TRUE(loaded.checkpointer.load({.path = {}, .before_bad_steps = true}));
  EXPECT_EQ(loaded.content.progress.step, 30);
  EXPECT_EQ(loaded.replicas(), saved.replicas());
  EXPECT_EQ(steps(), (std::vector<std::int64_t>{30, 20}));
  EXPECT_TRUE(exists(damaged.string() + ".bad"));
}

TEST_F(CheckpointerTest, TakesAGoodOneAlthoughADamagedOneCannotBeRenamed) {
  Program saved(folder.path(), settings, 1);
  for (const std::int64_t step : {10, 20}) {
    saved.fill(step);
    saved.checkpointer.save();
  }
  // A name so long that ".bad" does not fit behind it.
  const auto damaged =
      folder.path() / "checkpoints" / concat("step-", std::string(243, '0'), "25.h5");
  on_root([&] { std::ofstream(damaged) << "x"; });
  Program loaded(folder.path(), settings, 2);
  EXPECT_TRUE(loaded.checkpointer.load({}));
  loaded.expect_filled(20);
  EXPECT_TRUE(exists(damaged));
}

TEST_F(CheckpointerTest, RefusesAPositionThatThePhaseDoesNotHave) {
  Program saved(folder.path(), settings, 1);
  saved.fill(10);
  saved.content.progress.index = 6;  // of 6 steps
  saved.checkpointer.save();
  Program loaded(folder.path(), settings, 2);
  const std::string message = thrown<ConfigError>([&] { loaded.checkpointer.load({}); });
  EXPECT_TRUE(contains(message, "index is 6")) << message;
  EXPECT_EQ(steps(), std::vector<std::int64_t>{10});
}

TEST_F(CheckpointerTest, KnowsWhetherItsStateIsFinite) {
  settings.weights.momentum = 0.9;
  Program program(folder.path(), settings, 1);
  EXPECT_TRUE(program.state().is_finite());
  const auto weights = run::arrays_of(program.parts.supernet->weights());
  const auto strategy = program.parts.strategy.state();
  const auto momentum = program.parts.optimizer.state();
  for (const auto& array : {weights.back(), momentum.back(), strategy.front()}) {
    auto& value = std::get<std::span<float>>(array.values).back();
    const float before = value;
    value = std::numeric_limits<float>::infinity();
    EXPECT_FALSE(program.state().is_finite()) << array.name;
    value = before;
  }
  EXPECT_TRUE(program.state().is_finite());
}

TEST_F(CheckpointerTest, DoesNotSaveReplicasThatDiffer) {
  if (test_world().size() == 1) GTEST_SKIP() << "needs two ranks";
  Program program(folder.path(), settings, 1);
  program.fill(10);
  if (test_world().rank() == 1) flip_bit(run::arrays_of(program.parts.supernet->weights())[3]);
  EXPECT_THROW(program.checkpointer.save(), run::ReplicasDiffer);
  EXPECT_TRUE(steps().empty());
}

TEST_F(CheckpointerTest, AFailedWriteIsAWarningUntilThereAreTooMany) {
  settings.run.checkpoint.max_failures = 3;
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
  const run::CheckpointReader reader(loaded.directory.checkpoint_path(20), kSearchCheckpoint);
  EXPECT_EQ(reader.identity().jobs, (std::vector<std::string>{"16", "17"}));
}

}  // namespace
}  // namespace enas::search
