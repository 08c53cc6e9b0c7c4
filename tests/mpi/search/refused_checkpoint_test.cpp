// SPDX-License-Identifier: Apache-2.0
// A checkpoint that is refused for any of its fields leaves the state in memory as it was.
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "io/sealed_file.hpp"
#include "mpi/search/checkpoint_program.hpp"
#include "mpi/search/edited_checkpoint.hpp"
#include "search/search.hpp"
#include "search/training_content.hpp"
#include "unit/search/thrown.hpp"

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
  child::TrainingPass train(const nn::Batch&, at::Tensor&, const nn::StepAddress&,
                            double) const override {
    return {};
  }
  nn::Score score(const nn::Batch&, at::Tensor&) const override { return {}; }

 private:
  std::vector<nn::Weight> weights_ = {{"w", at::full({3}, 2.0), true}};
  std::vector<nn::Weight> averages_ = {{"mean", at::full({2}, 5.0), false}};
};

Settings training_settings() {
  Settings settings = small_settings(5);
  settings.weights.momentum = 0.9;
  return settings;
}

/// A training's state around a run directory.
struct TrainingProgram {
  explicit TrainingProgram(const fs::path& folder) : directory(folder) {
    const auto own = comm::block_of(test_world().rank(), test_world().size(), 5);
    for (int i = 0; i < own.size(); ++i) state.slot_state.push_back(network.initial_state(1));
  }
  void fill(std::int64_t step) {
    state.progress.step = step;
    state.progress.epoch = 2;
    state.progress.index = 1;
    state.progress.best_epoch = 1;
    state.progress.best_metric = 50.0;
    state.progress.num_finite = 3;
    for (int i = 0; i < 3; ++i) average.add();
    for (const double loss : {4.0, 3.0, 5.0}) trigger.check(loss);
    network.weights()[0].value.fill_(7.0);
  }

  SmallSearch parts{training_settings()};
  StillNetwork network;
  WeightOptimizer optimizer{network.weights(), parts.settings.weights};
  nn::WeightAverage average{network.weights()};
  child::AveragingTrigger trigger{1};
  LearntValues best{{{"w", at::full({3}, 4.0), true}}, {{"mean", at::full({2}, 6.0), false}}};
  TrainingState state;
  TrainingLog rows{parts.task->metric()};
  Log log{1};  // silent
  RunDirectory directory;
  TrainingContent content{
      test_world(),
      {network, optimizer, average, trigger, best, state, rows, "{}", *parts.task, 10, 5, 1}};
  Checkpointer checkpointer{
      test_world(), log, directory, parts.settings.checkpoint, identity_of(parts.settings),
      content};
};

struct RefusedCheckpointTest : CheckpointerTest {
  /// The hash that `enas_hpc state-hash` prints of a checkpoint of it, on rank 0.
  template <typename Program>
  std::string hash_of(Program& program) const {
    program.content.gather();
    if (!test_world().is_root()) return {};
    const auto path = folder.path() / "state.h5";
    io::write_sealed(path, program.content.image_on_root({}));
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
