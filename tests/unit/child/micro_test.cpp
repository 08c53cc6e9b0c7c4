// SPDX-License-Identifier: Apache-2.0
#include "child/micro.hpp"

#include <gtest/gtest.h>

#include <set>

#include "core/error.hpp"
#include "core/text.hpp"
#include "double_network.hpp"
#include "unit/nn/data_shapes.hpp"

namespace enas::child {
namespace {

using space::Operation;

space::MicroNet net_of(int nodes, std::vector<std::int32_t> tokens) {
  const space::MicroSpaceOptions space{.nodes = nodes};
  return space::micro_net(space, {space::micro_space(space).id(), std::move(tokens)});
}

// The cells that the authors published.
space::MicroNet published() {
  return net_of(7, {0, 2, 0, 0, 0, 4, 0, 1, 0, 4, 1, 1, 1, 0, 0, 1, 0, 2, 1, 1,
                    1, 0, 1, 0, 0, 3, 0, 2, 1, 1, 3, 1, 1, 0, 0, 4, 0, 3, 1, 1});
}

/// All operations at both strides; each cell leaves one of its inputs unread.
space::MicroNet varied() {
  return net_of(5, {0, 0, 0, 4, 2, 1, 0, 2, 3, 3, 2, 4,    // normal: 1 and 4 are loose
                    1, 1, 1, 4, 1, 3, 1, 2, 2, 0, 1, 0});  // reduction: 0, 3 and 4
}

/// The network in double, from the definition.
struct MicroModel {
  space::MicroNet net;
  MicroNetworkOptions options;

  /// What a pass goes through.
  struct State {
    DoubleNetwork& d;
    std::uint64_t num_drop_paths = 0;
  };

  at::Tensor drop_path(State& state, const at::Tensor& x, int cell) const {
    if (options.drop_path_keep == 1.0) return x;
    const double keep_cell =
        1.0 - (cell + 1) / static_cast<double>(options.layers + 2) * (1 - options.drop_path_keep);
    const double keep = 1.0 - 0.75 * (1.0 - keep_cell);
    return x * state.d.mask(keep, 1 + state.num_drop_paths++, {x.size(0), 1, 1, 1});
  }

  static at::Tensor separable(State& state, at::Tensor x, const std::string& name, int stride) {
    for (const char* time : {"/1", "/2"}) {
      x = state.d.convolution(at::relu(x), name + time + "/depthwise", stride);
      x = state.d.norm(state.d.convolution(x, name + time + "/pointwise"), name + time + "/norm");
      stride = 1;
    }
    return x;
  }

  at::Tensor operate(State& state, const at::Tensor& x, Operation operation,
                     const std::string& name, int stride, int cell) const {
    if (operation == Operation::identity) return stride == 1 ? x : state.d.reduction(x, name);
    if (operation == Operation::avg_pool_3x3) {
      return drop_path(state, DoubleNetwork::avg_pool(x, stride), cell);
    }
    if (operation == Operation::max_pool_3x3) {
      return drop_path(state, DoubleNetwork::max_pool(x, stride), cell);
    }
    return drop_path(state, separable(state, x, name, stride), cell);
  }

  at::Tensor cell(State& state, int number, bool is_reduction, std::int64_t filters,
                  const at::Tensor& two_back, const at::Tensor& previous) const {
    const std::string prefix = concat("cell/", number, "/");
    const auto project = [&](const at::Tensor& x, const std::string& name) {
      return state.d.norm(state.d.convolution(at::relu(x), prefix + name), prefix + name + "_norm");
    };
    at::Tensor x = two_back;
    if (x.size(2) != previous.size(2)) {
      x = state.d.reduction(at::relu(x), prefix + "input/0/shrink");
    } else if (x.size(1) != filters) {
      x = project(x, "input/0/project");
    }
    at::Tensor y = previous;
    if (y.size(1) != filters) y = project(y, "input/1/project");
    y = project(y, "base");

    std::vector<at::Tensor> nodes = {x, y};
    std::set<std::size_t> read;
    for (const auto& sides : (is_reduction ? net.reduction : net.normal).nodes) {
      at::Tensor sum;
      for (const char* side : {"x", "y"}) {
        const space::MicroCell::Side& chosen = sides[side[0] == 'x' ? 0 : 1];
        const auto input = static_cast<std::size_t>(chosen.input);
        read.insert(input);
        const int stride = is_reduction && input < 2 ? 2 : 1;
        const std::string name =
            concat(prefix, is_reduction ? "reduction/" : "normal/", nodes.size(), "/", side, "/",
                   space::name_of(chosen.operation));
        const at::Tensor term =
            operate(state, nodes[input], chosen.operation, name, stride, number);
        sum = sum.defined() ? sum + term : term;
      }
      nodes.push_back(sum);
    }
    std::vector<at::Tensor> ends;
    for (std::size_t node = 0; node < nodes.size(); ++node) {
      if (read.count(node) > 0) continue;
      ends.push_back(is_reduction && node < 2
                         ? state.d.reduction(nodes[node], concat(prefix, "loose/", node))
                         : nodes[node]);
    }
    return at::cat(ends, 1);
  }

  static at::Tensor auxiliary(State& state, at::Tensor x) {
    DoubleNetwork& d = state.d;
    const std::int64_t window = std::min<std::int64_t>(5, x.size(2));
    x = at::avg_pool2d(at::relu(x), window, 3);
    x = at::relu(d.norm(d.convolution(x, "auxiliary/project"), "auxiliary/project_norm"));
    // Kernels as large as the map: 1, or 2 with one zero row and column at the end.
    if (x.size(2) == 2) {
      x = d.convolution(at::constant_pad_nd(x, {0, 1, 0, 1}), "auxiliary/full")
              .slice(2, 1, 3)
              .slice(3, 1, 3);
    } else {
      x = d.convolution(x, "auxiliary/full");
    }
    x = at::relu(d.norm(x, "auxiliary/full_norm"));
    return d.classify(x, "auxiliary/head", 0.0);
  }

  DoubleLogits operator()(DoubleNetwork& d, const at::Tensor& images) const {
    State state{d};
    at::Tensor previous = d.norm(d.convolution(images, "stem/conv"), "stem/norm");
    at::Tensor two_back = previous;
    at::Tensor auxiliary_image;
    std::int64_t filters = options.filters;
    const int third = options.layers / 3;
    for (int number = 0; number < options.layers + 2; ++number) {
      const bool is_reduction = number == third || number == 2 * third + 1;
      if (is_reduction) filters *= 2;
      const at::Tensor out = cell(state, number, is_reduction, filters, two_back, previous);
      two_back = previous;
      previous = out;
      if (number == 2 * third + 2) auxiliary_image = out;
    }
    DoubleLogits logits{d.classify(at::relu(previous), "head", options.dropout), {}};
    if (options.auxiliary_weight > 0.0) logits.auxiliary = auxiliary(state, auxiliary_image);
    return logits;
  }
};

void expect_definition(const space::MicroNet& net, const MicroNetworkOptions& options,
                       const nn::DataShape& shape) {
  SCOPED_TRACE(concat(net.text(), ", ", shape.height, "x", shape.width));
  const MicroNetwork network(net, options, shape, 11);
  const MicroModel model{net, options};
  expect_definition(network, image_batch(shape, 6, 1), options.dropout, options.auxiliary_weight,
                    model);
}

TEST(MicroNetwork, PassesAndScoresAreThoseOfTheDefinition) {
  expect_definition(varied(), {.layers = 3, .filters = 4}, nn::images(3, 12, 12, 4));
  expect_definition(published(), {.layers = 1, .filters = 2}, nn::images(3, 8, 8, 4));
  expect_definition(varied(), {.layers = 2, .filters = 3, .auxiliary_weight = 0.0},
                    nn::images(1, 8, 8, 3));
}

TEST(MicroNetwork, GradientsAreSlopesOfTheLoss) {
  const nn::DataShape shape = nn::images(3, 8, 8, 4);
  const MicroNetwork net(varied(), {.layers = 1, .filters = 2}, shape, 1);
  expect_slopes(net, image_batch(shape, 6, 3), 0.2, 0.4);
}

TEST(MicroNetwork, OddSizesAreHalvedUpwards) {
  expect_definition(varied(), {.layers = 3, .filters = 4, .drop_path_keep = 1.0},
                    nn::images(3, 13, 13, 4));
  const ImagePlan plan =
      micro_plan(varied(), {.layers = 3, .filters = 4}, nn::images(3, 13, 10, 4));
  const int last_image = plan.steps()[plan.num_main_steps() - 1].images[0];
  EXPECT_EQ(plan.size(last_image), (ImageSize{8 * 4, 4, 3}));
}

TEST(MicroNetwork, AuxiliaryHeadOfLargeMapsIsThatOfTheDefinition) {
  // A map of 8x8 is shrunk to 2x2.
  expect_definition(net_of(3, {0, 4, 1, 2, 0, 3, 1, 4}), {.layers = 1, .filters = 1},
                    nn::images(1, 32, 32, 3));
}

std::int64_t parameters(const MicroNetworkOptions& options) {
  return micro_plan(published(), options, nn::kCifar).num_parameters();
}

TEST(MicroNetwork, ParameterCountOfThePublishedNetwork) {
  EXPECT_EQ(parameters({.auxiliary_weight = 0.0}), 3894372);
  // 1×1 from 720 channels, 2×2, their norms, the second classifier.
  EXPECT_EQ(parameters({}) - 3894372, 128 * 720 + 2 * 128 + 768 * 128 * 4 + 2 * 768 + 10 * 768);
}

/// Channels of the cells' outputs; all have several loose ends.
std::vector<std::int64_t> channels_by_cell(const ImagePlan& plan) {
  std::vector<std::int64_t> channels;
  for (std::size_t i = 0; i < plan.steps().size(); ++i) {
    if (plan.steps()[i].kind != PlanStep::Kind::concatenate) continue;
    channels.push_back(plan.size(static_cast<int>(i) + 1)[0]);
  }
  return channels;
}

TEST(MicroNetwork, ChannelsByCellOfThePublishedNetwork) {
  EXPECT_EQ(channels_by_cell(micro_plan(published(), {}, nn::kCifar)),
            (std::vector<std::int64_t>{180, 180, 180, 180, 180, 288, 360, 360, 360, 360, 360, 576,
                                       720, 720, 720, 720, 720}));
}

std::set<int> reduction_cells(int layers) {
  std::set<int> cells;
  const ImagePlan plan = micro_plan(published(), {.layers = layers}, nn::kCifar);
  for (const PlannedWeight& weight : plan.weights()) {
    if (weight.name.find("/reduction/") == std::string::npos) continue;
    cells.insert(std::stoi(weight.name.substr(5)));
  }
  return cells;
}

TEST(MicroNetwork, ReductionCells) {
  EXPECT_EQ(reduction_cells(6), (std::set<int>{2, 5}));
  EXPECT_EQ(reduction_cells(15), (std::set<int>{5, 11}));
  EXPECT_EQ(reduction_cells(1), (std::set<int>{0, 1}));
}

TEST(MicroNetwork, PathsOfDeeperCellsAreDroppedMoreOften) {
  const ImagePlan plan = micro_plan(published(), {}, nn::kCifar);
  std::vector<double> keeps;
  int num_paths = 0;
  for (const PlanStep& step : plan.steps()) {
    if (step.kind != PlanStep::Kind::drop_path) continue;
    if (keeps.empty() || keeps.back() != step.keep) keeps.push_back(step.keep);
    EXPECT_EQ(step.number, num_paths++);
  }
  ASSERT_EQ(keeps.size(), 17U);
  for (std::size_t cell = 0; cell < keeps.size(); ++cell) {
    EXPECT_NEAR(keeps[cell], 1.0 - static_cast<double>(cell + 1) * 0.4 / 17.0, 1e-12);
  }
  EXPECT_NEAR(keeps.front(), 0.9765, 1e-4);
  EXPECT_NEAR(keeps.back(), 0.6, 1e-12);
  // Eight of a normal cell's ten operations, nine of a reduction cell's, are not the identity.
  EXPECT_EQ(num_paths, 15 * 8 + 2 * 9);
}

TEST(MicroNetwork, NothingIsDroppedAtTheStart) {
  const nn::DataShape shape = nn::images(3, 8, 8, 4);
  const nn::Batch batch = image_batch(shape, 6, 2);
  const MicroNetwork dropping(varied(), {.layers = 1, .filters = 4, .dropout = 0.0}, shape, 1);
  const MicroNetwork keeping(
      varied(), {.layers = 1, .filters = 4, .dropout = 0.0, .drop_path_keep = 1.0}, shape, 1);
  const double loss = train(keeping, batch).loss;
  EXPECT_EQ(train(dropping, batch, {5, 2, 7}, 0.0).loss, loss);
  EXPECT_NE(train(dropping, batch, {5, 2, 7}, 1.0).loss, loss);
}

TEST(MicroNetwork, EveryOperationGivesItsOwnOutput) {
  const nn::DataShape shape = nn::images(3, 8, 8, 4);
  const nn::Batch batch = image_batch(shape, 4, 2);
  std::set<double> losses;
  for (std::int32_t code = 0; code < 5; ++code) {
    const MicroNetwork net(net_of(3, {0, code, 1, 4, 0, 2, 1, 4}), {.layers = 1, .filters = 2},
                           shape, 1);
    losses.insert(train(net, batch).loss);
  }
  EXPECT_EQ(losses.size(), 5U);
}

TEST(MicroNetwork, AuxiliaryHeadIsTrained) {
  const nn::DataShape shape = nn::images(3, 8, 8, 4);
  const MicroNetwork net(varied(), {.layers = 1, .filters = 4}, shape, 1);
  const nn::Batch batch = image_batch(shape, 6, 3);
  std::vector<at::Tensor> before;
  for (const nn::Weight& weight : net.weights()) before.push_back(weight.value.clone());
  for (int step = 0; step < 2; ++step) {  // an offset before a ReLU and a norm moves at the second
    const nn::Pass pass = train(net, batch);
    for (std::size_t i = 0; i < before.size(); ++i) {
      at::Tensor value = net.weights()[i].value;
      value.sub_(pass.gradients[i], 0.05);
    }
  }
  int num_auxiliary = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (!net.weights()[i].name.starts_with("auxiliary/")) continue;
    ++num_auxiliary;
    EXPECT_GT(distance(net.weights()[i].value, before[i].to(at::kDouble)), 1e-4)
        << net.weights()[i].name;
  }
  EXPECT_EQ(num_auxiliary, 5);
}

TEST(MicroNetwork, AuxiliaryHeadIsForTrainingOnly) {
  const nn::DataShape shape = nn::images(3, 8, 8, 4);
  const MicroNetwork with(varied(), {.layers = 1, .filters = 4}, shape, 1);
  const MicroNetwork without(varied(), {.layers = 1, .filters = 4, .auxiliary_weight = 0.0}, shape,
                             1);
  const nn::Batch batch = image_batch(shape, 6, 3);
  EXPECT_EQ(with.multiply_adds(), without.multiply_adds());
  EXPECT_EQ(score(with, batch).nats, score(without, batch).nats);
  EXPECT_EQ(train(with, batch).loss, train(without, batch).loss);
  EXPECT_GT(
      distance(train(with, batch).gradients[0], train(without, batch).gradients[0].to(at::kDouble)),
      1e-3);
}

TEST(MicroNetwork, ScoresApproachTheTrainingLossAsAveragesSettle) {
  const nn::DataShape shape = nn::images(3, 16, 16, 4);
  const MicroNetwork net(
      varied(), {.layers = 1, .filters = 4, .dropout = 0.0, .drop_path_keep = 1.0}, shape, 1);
  const nn::Batch batch = image_batch(shape, 16, 5);
  const nn::Pass pass = train(net, batch);
  const double before = std::abs(score(net, batch).loss() - pass.loss);
  for (int step = 0; step < 150; ++step) move_averages(net, pass.statistics);
  // What is left is that averages hold unbiased variances.
  const double after = std::abs(score(net, batch).loss() - pass.loss);
  EXPECT_LT(after, 0.01);
  EXPECT_GT(before, 10 * after);
}

TEST(MicroNetwork, TheSameCallGivesTheSameBits) {
  const nn::DataShape shape = nn::images(3, 9, 8, 4);
  const MicroNetwork net(varied(), {.layers = 2, .filters = 4}, shape, 1);
  const nn::Batch batch = image_batch(shape, 6, 4);
  const nn::Pass first = train(net, batch);
  const nn::Pass second = train(net, batch);
  EXPECT_EQ(first.loss, second.loss);
  for (std::size_t i = 0; i < first.gradients.size(); ++i) {
    EXPECT_TRUE(at::equal(first.gradients[i], second.gradients[i])) << net.weights()[i].name;
  }
  for (std::size_t i = 0; i < first.statistics.size(); ++i) {
    EXPECT_TRUE(at::equal(first.statistics[i], second.statistics[i]));
  }
}

TEST(MicroNetwork, RefusesValuesOutOfRange) {
  const space::MicroNet net = varied();
  EXPECT_THROW(micro_plan(net, {.layers = 0}, nn::kCifar), ConfigError);
  EXPECT_THROW(micro_plan(net, {.filters = 0}, nn::kCifar), ConfigError);
  EXPECT_THROW(micro_plan(net, {.dropout = 1.0}, nn::kCifar), ConfigError);
  EXPECT_THROW(micro_plan(net, {.drop_path_keep = 0.0}, nn::kCifar), ConfigError);
  EXPECT_THROW(micro_plan(net, {.auxiliary_weight = -0.1}, nn::kCifar), ConfigError);
}

}  // namespace
}  // namespace enas::child
