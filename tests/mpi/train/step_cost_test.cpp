// SPDX-License-Identifier: Apache-2.0
// A step's work is that of the weights its children touch, however many others there are.
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "comm/mpi_reducer.hpp"
#include "mpi/search/small_search.hpp"
#include "search/shared_weights.hpp"
#include "train/step.hpp"

namespace enas::search {
namespace {

constexpr int kWeights = 5000;
constexpr std::int64_t kValues = 3;

/// A child touches the weights that its tokens name; all gradients are 1.
class CountingSupernet final : public supernet::Supernet {
 public:
  explicit CountingSupernet(std::string id) : id_(std::move(id)) {
    for (int i = 0; i < kWeights; ++i) {
      weights_.push_back({"weight " + std::to_string(i), at::full({kValues}, 1.0), true});
    }
  }

  const std::string& space_id() const override { return id_; }
  const std::vector<supernet::Weight>& weights() const override { return weights_; }
  std::vector<int> touched(const space::Architecture& child) const override {
    std::set<int> numbers;
    for (std::size_t i = 0; i < child.tokens.size(); ++i) {
      numbers.insert(static_cast<int>(100 * i) + child.tokens[i]);
    }
    return {numbers.begin(), numbers.end()};
  }
  double forward_flops(const space::Architecture&, at::IntArrayRef) const override { return 0.0; }
  at::Tensor initial_state(std::int64_t batch_size) const override {
    return at::zeros({batch_size});
  }
  nn::Pass gradient(const space::Architecture& child, const supernet::Batch&, at::Tensor&,
                    const supernet::StepAddress&) const override {
    nn::Pass result;
    result.gradients.assign(child.tokens.size(), at::full({kValues}, 1.0));
    return result;
  }
  supernet::Score score(const space::Architecture&, const supernet::Batch&,
                        at::Tensor&) const override {
    return {};
  }

 private:
  std::string id_;
  std::vector<supernet::Weight> weights_;
};

/// Passes everything on and remembers the plan.
class RecordingReducer final : public comm::GradientReducer {
 public:
  explicit RecordingReducer(int slots) : reducer_(test_world(), slots) {}

  void begin(const comm::ReductionPlan& plan) override {
    tensors = plan.tensors.size();
    values = plan.total();
    reducer_.begin(plan);
  }
  std::span<float> slot_buffer() override { return reducer_.slot_buffer(); }
  void merge_slot(int slot) override { reducer_.merge_slot(slot); }
  std::span<const float> reduce() override { return reducer_.reduce(); }
  comm::ReductionCost last_cost() const override { return reducer_.last_cost(); }

  std::size_t tensors = 0;
  std::int64_t values = 0;

 private:
  comm::MpiReducer reducer_;
};

struct StepCost : testing::Test {
  static search::Settings with_momentum() {
    search::Settings settings = search::small_settings();
    settings.weights.momentum = 0.9;
    settings.weights.clip_norm = 0.0;
    settings.weights.weight_decay = 0.0;
    return settings;
  }

  /// One step of these children, a list of tokens a slot.
  train::StepReport step(const std::vector<std::vector<std::int32_t>>& children) {
    state.children.shape = {static_cast<std::int64_t>(children.size()), 1,
                            parts.space.num_tokens()};
    state.children.tokens.clear();
    for (const auto& tokens : children) {
      state.children.tokens.insert(state.children.tokens.end(), tokens.begin(), tokens.end());
    }
    return weight_step.run({}, 1.0, state.slot_state, 0);
  }
  std::vector<int> moved() const {
    std::vector<int> numbers;
    for (int i = 0; i < kWeights; ++i) {
      const auto values = values_of(supernet.weights()[static_cast<std::size_t>(i)].value);
      if (values != std::vector<float>(kValues, 1.0F)) numbers.push_back(i);
    }
    return numbers;
  }

  SmallSearch parts{with_momentum()};
  CountingSupernet supernet{parts.space.id()};
  RecordingReducer reducer{parts.settings.weights.slots};
  run::FaultInjector faults{"", test_world().rank()};
  search::SearchState state = parts.new_state(
      comm::block_of(test_world().rank(), test_world().size(), parts.settings.weights.slots).size(),
      1);
  search::SharedWeights shared_weights{supernet, state.children, 1};
  train::Step weight_step{test_world(),           reducer, shared_weights, *parts.task,
                          parts.settings.weights, faults};
};

TEST_F(StepCost, PacksSumsAndMovesTheUnion) {
  const auto report = step({{0, 0, 0, 0, 0}, {1, 0, 0, 0, 0}, {1, 0, 0, 0, 1}, {0, 0, 2, 0, 0}});
  const std::vector<int> expected = {0, 1, 100, 200, 202, 300, 400, 401};
  EXPECT_EQ(report.touched, expected);
  EXPECT_EQ(reducer.tensors, expected.size());
  EXPECT_EQ(reducer.values, kValues * static_cast<std::int64_t>(expected.size()));
  EXPECT_EQ(moved(), expected);
  // Two, two, four, three, one, four, three, one of four slots.
  EXPECT_NEAR(report.gradient_norm, std::sqrt(3.0 * (4 + 4 + 16 + 9 + 1 + 16 + 9 + 1) / 16.0),
              1e-12);
}

}  // namespace
}  // namespace enas::search
