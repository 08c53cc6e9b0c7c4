// SPDX-License-Identifier: Apache-2.0
// A checkpoint that is refused for any of its fields leaves the state in memory as it was.
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "comm/mpi_reducer.hpp"
#include "io/sealed_file.hpp"
#include "mpi/search/checkpoint_program.hpp"
#include "mpi/search/edited_checkpoint.hpp"
#include "run/slot_states.hpp"
#include "run/state_file.hpp"
#include "search/search.hpp"
#include "support/thrown.hpp"
#include "train/training_job.hpp"

namespace enas::search {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
const std::vector<double> kDoubles(3, 1.0);

/// A network that is never trained.
class StillNetwork final : public child::Network {
 public:
  const std::vector<nn::Weight>& weights() const override { return weights_; }
  const std::vector<nn::Weight>& averages() const override { return averages_; }
  double multiply_adds() const override { return 0.0; }
  at::Tensor initial_state(std::int64_t) const override { return at::full({1}, 3.0); }
  nn::Pass train(const nn::Batch&, at::Tensor&, const nn::StepAddress&, double) const override {
    return {};
  }
  nn::Score score(const nn::Batch&, at::Tensor&) const override { return {}; }

 private:
  std::vector<nn::Weight> weights_ = {{"w", at::full({3}, 2.0), true}};
  std::vector<nn::Weight> averages_ = {{"mean", at::full({2}, 5.0), false}};
};

train::Options training_options() {
  train::Options options;
  options.epochs = 10;
  options.step.slots = 5;
  options.step.momentum = 0.9;
  options.averaging_patience = 1;
  return options;
}

/// A training's state around a run directory.
struct TrainingProgram {
  explicit TrainingProgram(const fs::path& folder) : directory(folder) {}
  void fill(std::int64_t step) {
    job.position().step = step;
    job.position().epoch = 2;
    job.position().index = 1;
    job.position().best_epoch = 1;
    job.position().best_metric = 50.0;
    job.position().num_finite = 3;
    job.position().averaged_steps = 3;
    for (const auto& field : job.state().fields) {
      if (const auto* losses = std::get_if<run::Sequence>(&field)) {
        *std::get<std::vector<double>*>(losses->values) = {1.0, 4.0, 3.0, 5.0};
      }
      const auto* group = std::get_if<run::ArrayGroup>(&field);
      if (group == nullptr) continue;
      for (const auto& array : group->arrays) {
        for (float& value : std::get<std::span<float>>(array.values)) value += 7.0F;
      }
    }
  }
  run::State state() { return job.state(); }

  SmallSearch parts{small_settings(5)};
  train::Options options = training_options();
  StillNetwork network;
  space::ArchitectureFile architecture{
      space::typed_view(parts.settings.space, parts.strategy.propose(1, {}).front())};
  Log log{1};  // silent
  run::Directory directory;
  comm::MpiReducer reducer{test_world(), 5};
  run::FaultInjector no_faults{"", test_world().rank()};
  run::Limits limits;
  run::Identity identity = identity_of(parts.settings);
  run::Context context{test_world(), log,      parts.settings.run, limits,
                       directory,    identity, no_faults};
  train::TrainingJob job{context, {options, architecture, network, reducer, *parts.task}};
  run::Checkpointer checkpointer{test_world(), log, directory, parts.settings.run.checkpoint,
                                 identity,     job};
};

const run::CheckpointKind& kind_of(const Program&) { return kSearchCheckpoint; }
const run::CheckpointKind& kind_of(const TrainingProgram&) { return train::kTrainingCheckpoint; }

struct RefusedCheckpointTest : CheckpointerTest {
  /// The hash that `enas_hpc state-hash` prints of a checkpoint of it, on rank 0.
  template <typename Program>
  std::string hash_of(Program& program) const {
    const run::State state = program.state();
    const auto slot_states = run::gather_slot_states(test_world(), *state.slots()->own);
    if (!test_world().is_root()) return {};
    const auto path = folder.path() / "state.h5";
    io::ImageWriter image(0);
    image.attribute("/", "format", kind_of(program).format);
    run::write_state(image, state, slot_states);
    io::write_sealed(path, image.finish());
    return state_hash(path);
  }

  /// `saved` wrote step 40; `loading` refuses it with any of the edits, and takes it without one.
  template <typename Program>
  void expect_refusals(Program& saved, Program& loading, const std::map<std::string, Edit>& edits) {
    saved.fill(40);
    EXPECT_TRUE(saved.checkpointer.save());
    const auto path = saved.directory.checkpoint_path(40);
    const auto good = io::read_sealed(path);
    const auto before = hash_of(loading);
    for (const auto& [name, edit] : edits) {
      on_root([&] { write_edited(path, good, edit); });
      EXPECT_EQ(thrown_code([&] { loading.checkpointer.load({.path = path}); }), ExitCode::bad_data)
          << name;
      EXPECT_EQ(hash_of(loading), before) << name;
    }
    on_root([&] { write_edited(path, good, [](hid_t) {}); });
    EXPECT_TRUE(loading.checkpointer.load({.path = path}));
    const auto after = hash_of(loading);
    EXPECT_EQ(after, hash_of(saved));
    EXPECT_EQ(after == before, !test_world().is_root());
  }
};

/// Every way in which an array of floats can be wrong.
void add_array(std::map<std::string, Edit>& edits, const std::string& path) {
  edits[path + " is missing"] = without_dataset(path);
  edits[path + " has another shape"] = with_dataset(path, {1, 1}, std::vector<float>{1.0F});
  edits[path + " has another type"] = with_dataset(path, {3}, kDoubles);
  edits[path + " is not finite"] = with_value(path, kNan);
}

TEST_F(RefusedCheckpointTest, ASearchStaysAsItWas) {
  settings.weights.momentum = 0.9;
  Program saved(folder.path(), settings, 1);
  Program loading(folder.path(), settings, 2);
  std::map<std::string, Edit> edits;
  for (const char* path : {"/weights/embedding", "/momentum/embedding", "/strategy/parameters/lstm",
                           "/strategy/second_moment/lstm", "/slots/state"}) {
    add_array(edits, path);
  }
  edits["another value in the strategy"] = with_value("/strategy/parameters/lstm", 0.5F);
  edits["a count of the strategy"] = with_value("/strategy/adam_steps", std::int64_t{-1});
  edits["no digest of the strategy"] = without_attribute("/strategy", "digest");
  for (const char* name : {"step", "round", "phase", "index", "bad_steps", "rollbacks"}) {
    edits[std::string("a negative ") + name] = with_attribute("/progress", name, std::int64_t{-1});
    edits[std::string("no ") + name] = without_attribute("/progress", name);
  }
  edits["a position beyond the phase"] = with_attribute("/progress", "index", std::int64_t{6});
  edits["no mean_metric"] = without_attribute("/progress", "mean_metric");
  edits["a large lr_factor"] = with_attribute("/progress", "lr_factor", 2.0);
  edits["an infinite lr_factor"] = with_attribute("/progress", "lr_factor", kInfinity);
  edits["no children"] = without_dataset("/children/tokens");
  edits["children without a shape"] =
      with_dataset("/children/tokens", {3}, std::vector<std::int32_t>(3, 0));
  edits["a child of another space"] = with_value("/children/tokens", std::int32_t{99});
  edits["a best child of another space"] = with_value("/best/tokens", std::int32_t{99});
  edits["a best child without a metric"] =
      with_attribute("/best", "metric", std::numeric_limits<double>::quiet_NaN());
  edits["a best child of a later step"] = with_attribute("/best", "step", std::int64_t{41});
  expect_refusals(saved, loading, edits);
}

TEST_F(RefusedCheckpointTest, ATrainingStaysAsItWas) {
  TrainingProgram saved(folder.path());
  TrainingProgram loading(folder.path());
  std::map<std::string, Edit> edits;
  for (const char* path : {"/weights/w", "/averages/mean", "/momentum/w", "/mean/w",
                           "/best/weights/w", "/best/averages/mean", "/slots/state"}) {
    add_array(edits, path);
  }
  for (const char* name : {"step", "epoch", "index", "bad_steps", "rollbacks", "best_epoch",
                           "num_finite", "averaged_steps"}) {
    edits[std::string("no ") + name] = without_attribute("/progress", name);
    edits[std::string("a negative ") + name] = with_attribute("/progress", name, std::int64_t{-2});
  }
  for (const char* name : {"lr_factor", "loss_sum", "accuracy_sum", "best_metric"}) {
    edits[std::string("no ") + name] = without_attribute("/progress", name);
    edits[std::string("an infinite ") + name] = with_attribute("/progress", name, kInfinity);
  }
  edits["no best_loss"] = without_attribute("/progress", "best_loss");
  edits["more steps in the mean than done"] =
      with_attribute("/progress", "averaged_steps", std::int64_t{41});
  edits["a position beyond the epoch"] = with_attribute("/progress", "index", std::int64_t{6});
  edits["no averaging trigger"] = without_dataset("/progress/averaging_trigger");
  edits["no state of an averaging trigger"] =
      with_dataset("/progress/averaging_trigger", {1}, std::vector<double>{0.5});
  expect_refusals(saved, loading, edits);
}

}  // namespace
}  // namespace enas::search
