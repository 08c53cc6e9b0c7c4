// SPDX-License-Identifier: Apache-2.0
#include "supernet/recurrent.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.hpp"
#include "small_recurrent.hpp"

namespace enas::supernet {
namespace {

void expect_eager_gradients(const space::RecurrentSpaceOptions& space,
                            const RecurrentOptions& options, const Batch& batch,
                            std::uint64_t number) {
  const RecurrentSupernet net(space, options, kVocabulary, 1);
  const space::Architecture architecture = random_child(space, number);
  at::Tensor state = start_state(net, batch.input.size(1));
  at::Tensor eager_state = state.clone();
  const Pass fast = net.gradient(architecture, batch, state, kAddress);
  const Pass eager = EagerModel{space, options, net}.gradient(architecture, batch, eager_state);
  EXPECT_NEAR(fast.loss, eager.loss, 1e-6 * eager.loss);
  ASSERT_EQ(fast.gradients.size(), net.touched(architecture).size());
  ASSERT_EQ(fast.gradients.size(), eager.gradients.size());
  const std::vector<std::string> names = touched_names(net, architecture);
  for (std::size_t i = 0; i < eager.gradients.size(); ++i) {
    ASSERT_EQ(fast.gradients[i].sizes(), eager.gradients[i].sizes());
    EXPECT_EQ(fast.gradients[i].scalar_type(), at::kFloat);
    EXPECT_TRUE(fast.gradients[i].is_contiguous());
    const double scale = eager.gradients[i].abs().max().item<double>();
    const double error =
        (fast.gradients[i].to(at::kDouble) - eager.gradients[i]).abs().max().item<double>();
    EXPECT_LE(error, 2e-5 * scale + 1e-8) << names[i] << " of child " << architecture.text();
  }
  EXPECT_LE((state - eager_state).abs().max().item<double>(), 1e-5);
  EXPECT_FALSE(state.requires_grad());
}

TEST(RecurrentSupernet, GradientsAreThoseOfTheEagerModelInEveryMode) {
  std::uint64_t number = 0;
  for (const Variant& variant : all_variants()) {
    space::RecurrentSpaceOptions space = small_space();
    space.first_node = variant.first_node;
    RecurrentOptions options = small_options();
    options.edge_weights = variant.edge_weights;
    options.cell_output = variant.cell_output;
    options.batch_norm = variant.batch_norm;
    expect_eager_gradients(space, options, random_batch(), ++number);
    expect_eager_gradients(space, without_dropout(options), random_batch(), ++number);
  }
}

TEST(RecurrentSupernet, EagerKernelsGiveTheSame) {
  for (const bool output_bias : {false, true}) {
    RecurrentOptions options = small_options();
    options.output_bias = output_bias;
    options.batch_norm = output_bias;
    options.kernels = Kernels::eager;
    expect_eager_gradients(small_space(), options, random_batch(), 3);
    expect_eager_gradients(small_space(), without_dropout(options), random_batch(), 4);

    const auto architecture = random_child(small_space(), 5);
    const RecurrentSupernet eager(small_space(), options, kVocabulary, 1);
    options.kernels = Kernels::fused;
    const RecurrentSupernet fused(small_space(), options, kVocabulary, 1);
    at::Tensor state = start_state(eager);
    at::Tensor fused_state = state.clone();
    const Score score = eager.score(architecture, random_batch(), state);
    const Score fused_score = fused.score(architecture, random_batch(), fused_state);
    EXPECT_NEAR(score.loss(), fused_score.loss(), 1e-5);
    EXPECT_EQ(score.count, fused_score.count);
    EXPECT_LE((state - fused_state).abs().max().item<float>(), 1e-5F);
  }
}

TEST(RecurrentSupernet, Bfloat16ProductsStayNearFloat32) {
  const auto architecture = random_child(small_space(), 2);
  RecurrentOptions options = small_options();
  const Pass exact =
      gradient_of(RecurrentSupernet(small_space(), options, kVocabulary, 1), architecture);
  options.precision = nn::Precision::bfloat16;
  const RecurrentSupernet net(small_space(), options, kVocabulary, 1);
  const Pass rounded = gradient_of(net, architecture);
  EXPECT_NE(rounded.loss, exact.loss);
  EXPECT_NEAR(rounded.loss, exact.loss, 0.01 * exact.loss);
  for (std::size_t i = 0; i < exact.gradients.size(); ++i) {
    EXPECT_EQ(rounded.gradients[i].scalar_type(), at::kFloat);
    const at::Tensor error = (rounded.gradients[i] - exact.gradients[i]).norm();
    EXPECT_LE(error.item<double>(), 0.05 * exact.gradients[i].norm().item<double>()) << i;
  }
  at::Tensor state = start_state(net);
  EXPECT_NEAR(net.score(architecture, random_batch(), state).loss(), exact.loss, 1.0);
}

TEST(RecurrentSupernet, CountsTheProductsOfAForwardPass) {
  const RecurrentSupernet net(small_space(5), small_options(), kVocabulary, 1);
  // A token: node 0 [18] x [18, 18], four nodes [9] x [9, 18], logits [9] x [9, 30].
  const double token = 2.0 * (18 * 18 + 4 * 9 * 18 + 9 * 30);
  const auto architecture = random_child(small_space(5), 1);
  EXPECT_EQ(net.forward_flops(architecture, {6, 5}), 30 * token);
  EXPECT_THROW(net.forward_flops(architecture, {6}), ContractError);
}

TEST(RecurrentSupernet, AnOutputBiasIsTrainedAndScored) {
  for (const bool batch_norm : {false, true}) {
    RecurrentOptions options = small_options();
    options.output_bias = true;
    options.batch_norm = batch_norm;
    expect_eager_gradients(small_space(), options, random_batch(), 7);

    const RecurrentSupernet net(small_space(), without_dropout(options), kVocabulary, 1);
    ASSERT_EQ(net.weights()[1].name, "output/bias");
    EXPECT_EQ(net.weights()[1].value.abs().sum().item<double>(), 0.0);
    const auto architecture = random_child(small_space(), 3);
    const auto score = [&] {
      at::Tensor state = start_state(net);
      return net.score(architecture, random_batch(), state).loss();
    };
    const double before = score();
    EXPECT_NEAR(before, gradient_of(net, architecture).loss, 1e-5);
    at::Tensor bias = net.weights()[1].value;
    bias[0] += 3.0;
    EXPECT_GT(std::abs(score() - before), 1e-3);
    EXPECT_NEAR(score(), gradient_of(net, architecture).loss, 1e-5);
  }
}

TEST(RecurrentSupernet, OneExampleAndOneStepWork) {
  for (std::uint64_t number = 0; number < 4; ++number) {
    expect_eager_gradients(small_space(), small_options(), random_batch(1, 1), number);
    expect_eager_gradients(small_space(), small_options(), random_batch(4, 1), number);
    expect_eager_gradients(small_space(1), small_options(), random_batch(1, 3), number);
  }
}

TEST(RecurrentSupernet, WeightsFollowFromSeedAndNameAlone) {
  const RecurrentSupernet small(small_space(3), small_options(), kVocabulary, 1);
  const RecurrentSupernet large(small_space(5), small_options(), kVocabulary, 1);
  const RecurrentSupernet other(small_space(3), small_options(), kVocabulary, 2);
  std::size_t shared = 0;
  for (const Weight& weight : small.weights()) {
    for (const Weight& same : large.weights()) {
      if (same.name != weight.name) continue;
      EXPECT_TRUE(at::equal(weight.value, same.value)) << weight.name;
      ++shared;
    }
    EXPECT_LE(weight.value.abs().max().item<float>(), 0.5F);
    EXPECT_GT(weight.value.abs().max().item<float>(), 0.45F);
    EXPECT_TRUE(weight.value.is_contiguous());
    EXPECT_FALSE(weight.value.requires_grad());
  }
  EXPECT_EQ(shared, small.weights().size());
  EXPECT_FALSE(at::equal(small.weights()[1].value, small.weights()[2].value));
  EXPECT_FALSE(at::equal(small.weights()[1].value, other.weights()[1].value));
}

TEST(RecurrentSupernet, WeightsHaveTheNamesAndShapesAnnounced) {
  for (const Variant& variant : all_variants()) {
    space::RecurrentSpaceOptions space = small_space(4);
    space.first_node = variant.first_node;
    RecurrentOptions options = small_options();
    options.edge_weights = variant.edge_weights;
    options.batch_norm = variant.batch_norm;
    const RecurrentSupernet net(space, options, kVocabulary, 1);
    const auto shapes = recurrent_weight_shapes(space, options, kVocabulary);
    ASSERT_EQ(net.weights().size(), shapes.size());
    std::set<std::string> names;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      EXPECT_EQ(net.weights()[i].name, shapes[i].name);
      EXPECT_EQ(net.weights()[i].value.sizes(), at::IntArrayRef(shapes[i].sizes));
      names.insert(shapes[i].name);
    }
    EXPECT_EQ(names.size(), shapes.size());
  }
}

TEST(RecurrentSupernet, ParameterCountsOfPublishedSupernets) {
  RecurrentOptions options;
  options.hidden = 720;
  EXPECT_EQ(count_values(recurrent_weight_shapes(small_space(12), options, 10000)), 289'209'600);
  options.hidden = 1000;
  options.edge_weights = EdgeWeights::per_edge;
  EXPECT_EQ(count_values(recurrent_weight_shapes(small_space(12), options, 10000)), 146'000'000);
  options.hidden = 200;
  options.edge_weights = EdgeWeights::per_function;
  space::RecurrentSpaceOptions fixed = small_space(10);
  fixed.first_node = space::FirstNode::tanh;
  EXPECT_EQ(count_values(recurrent_weight_shapes(fixed, options, 10000)), 16'560'000);
}

TEST(RecurrentSupernet, ParameterCountOfThePublishedChild) {
  // One child of the width 748: the weights it touches have the shapes of any of its edges.
  RecurrentOptions options;
  options.hidden = 748;
  const auto shapes = recurrent_weight_shapes(small_space(12), options, 10000);
  options.hidden = 4;
  const RecurrentSupernet net(small_space(12), options, 50, 1);
  std::int64_t count = 0;
  for (const int number : net.touched(random_child(small_space(12), 1))) {
    count += shapes[static_cast<std::size_t>(number)].count();
  }
  EXPECT_EQ(count, 22'027'104);
}

TEST(RecurrentSupernet, TouchesTheEmbeddingAndOneMatrixANode) {
  using Names = std::vector<std::string>;
  const RecurrentSupernet net(small_space(4), small_options(), kVocabulary, 1);
  const auto architecture = child(small_space(4), {3, 0, 1, 0, 2, 2, 0});
  EXPECT_EQ(touched_names(net, architecture), (Names{"embedding", "first/sigmoid", "edge/1/0/relu",
                                                     "edge/2/0/identity", "edge/3/2/tanh"}));
  RecurrentOptions options = small_options();
  options.edge_weights = EdgeWeights::per_edge;
  options.batch_norm = true;
  const RecurrentSupernet shared(small_space(4), options, kVocabulary, 1);
  EXPECT_EQ(touched_names(shared, architecture),
            (Names{"embedding", "norm/scale", "norm/offset", "first", "edge/1/0", "edge/2/0",
                   "edge/3/2"}));
  space::RecurrentSpaceOptions fixed = small_space(3);
  fixed.first_node = space::FirstNode::tanh;
  const RecurrentSupernet with_fixed(fixed, small_options(), kVocabulary, 1);
  EXPECT_EQ(touched_names(with_fixed, child(fixed, {0, 3, 1, 1})),
            (Names{"embedding", "first/tanh", "edge/1/0/sigmoid", "edge/2/1/relu"}));
  for (std::uint64_t number = 0; number < 20; ++number) {
    const auto numbers = net.touched(random_child(small_space(4), number));
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  }
}

TEST(RecurrentSupernet, UntouchedWeightsDoNotMatterAndTouchedOnesDo) {
  const RecurrentSupernet net(small_space(), small_options(), kVocabulary, 1);
  const auto architecture = random_child(small_space(), 3);
  const Pass before = gradient_of(net, architecture);
  const auto numbers = net.touched(architecture);
  for (std::size_t i = 0; i < net.weights().size(); ++i) {
    const bool is_touched =
        std::find(numbers.begin(), numbers.end(), static_cast<int>(i)) != numbers.end();
    if (!is_touched) net.weights()[i].value.fill_(std::nan(""));
  }
  EXPECT_TRUE(same_bits(before, gradient_of(net, architecture)));
  for (const int number : numbers) {
    const at::Tensor weight = net.weights()[static_cast<std::size_t>(number)].value;
    const at::Tensor kept = weight.clone();
    weight.mul_(1.5);
    EXPECT_NE(before.loss, gradient_of(net, architecture).loss) << number;
    weight.copy_(kept);
  }
}

TEST(RecurrentSupernet, EachPairOfFunctionsGivesTwoLosses) {
  for (const auto edges : {EdgeWeights::per_function, EdgeWeights::per_edge}) {
    RecurrentOptions options = small_options();
    options.edge_weights = edges;
    const RecurrentSupernet net(small_space(2), options, kVocabulary, 1);
    for (int position = 0; position < 3; position += 2) {
      std::set<double> losses;
      for (std::int32_t function = 0; function < 4; ++function) {
        std::vector<std::int32_t> tokens = {0, 0, 0};
        tokens[static_cast<std::size_t>(position)] = function;
        losses.insert(gradient_of(net, child(small_space(2), tokens)).loss);
      }
      EXPECT_EQ(losses.size(), 4U) << "decision " << position;
    }
  }
}

TEST(RecurrentSupernet, FunctionsMeanTheirNamesInAnyOrder) {
  // Same names, same weights; only the numbers of the functions differ.
  space::RecurrentSpaceOptions swapped = small_space(2);
  swapped.activations = {space::Activation::sigmoid, space::Activation::identity,
                         space::Activation::relu, space::Activation::tanh};
  const RecurrentSupernet net(small_space(2), small_options(), kVocabulary, 1);
  const RecurrentSupernet other(swapped, small_options(), kVocabulary, 1);
  EXPECT_TRUE(same_bits(gradient_of(net, child(small_space(2), {1, 0, 3})),
                        gradient_of(other, child(swapped, {2, 0, 0}))));
}

TEST(RecurrentSupernet, TheSameCallGivesTheSameBits) {
  const RecurrentSupernet net(small_space(), small_options(), kVocabulary, 1);
  const auto architecture = random_child(small_space(), 5);
  const Pass first = gradient_of(net, architecture);
  gradient_of(net, random_child(small_space(), 6));
  at::Tensor state = start_state(net, 2);
  net.score(random_child(small_space(), 7), random_batch(3, 2), state);
  EXPECT_TRUE(same_bits(first, gradient_of(net, architecture)));
  const RecurrentSupernet fresh(small_space(), small_options(), kVocabulary, 1);
  const at::NoGradGuard no_gradients;  // the caller's mode does not matter
  EXPECT_TRUE(same_bits(first, gradient_of(fresh, architecture)));
}

TEST(RecurrentSupernet, EachMaskReplaysAndDiffersBySeedSlotAndStep) {
  double RecurrentOptions::*const drops[] = {
      &RecurrentOptions::drop_word, &RecurrentOptions::drop_input,
      &RecurrentOptions::drop_cell_input, &RecurrentOptions::drop_state,
      &RecurrentOptions::drop_output};
  const auto architecture = random_child(small_space(), 8);
  for (double RecurrentOptions::*const drop : drops) {
    RecurrentOptions options = without_dropout(small_options());
    options.*drop = 0.5;
    const RecurrentSupernet net(small_space(), options, kVocabulary, 1);
    const Pass base = gradient_of(net, architecture, {7, 1, 40});
    EXPECT_TRUE(same_bits(base, gradient_of(net, architecture, {7, 1, 40})));
    EXPECT_NE(base.loss, gradient_of(net, architecture, {8, 1, 40}).loss);
    EXPECT_NE(base.loss, gradient_of(net, architecture, {7, 2, 40}).loss);
    EXPECT_NE(base.loss, gradient_of(net, architecture, {7, 1, 41}).loss);
  }
}

TEST(RecurrentSupernet, ScoreIsTheLossWithoutDropout) {
  for (const Variant& variant : all_variants()) {
    space::RecurrentSpaceOptions space = small_space();
    space.first_node = variant.first_node;
    RecurrentOptions options = without_dropout(small_options());
    options.cell_output = variant.cell_output;
    options.batch_norm = variant.batch_norm;
    const RecurrentSupernet net(space, options, kVocabulary, 1);
    const auto architecture = random_child(space, 9);
    at::Tensor state = start_state(net);
    at::Tensor scored_state = state.clone();
    const double loss = net.gradient(architecture, random_batch(), state, kAddress).loss;
    const Score score = net.score(architecture, random_batch(), scored_state);
    EXPECT_EQ(score.count, kSteps * kBatch);
    EXPECT_NEAR(score.loss(), loss, 1e-12);
    EXPECT_TRUE(at::equal(state, scored_state));
  }
}

TEST(RecurrentSupernet, ScoreUsesNoMasks) {
  const auto architecture = random_child(small_space(), 9);
  const RecurrentSupernet with(small_space(), small_options(), kVocabulary, 1);
  const RecurrentSupernet without(small_space(), without_dropout(small_options()), kVocabulary, 1);
  at::Tensor a = start_state(with);
  at::Tensor b = a.clone();
  EXPECT_EQ(with.score(architecture, random_batch(), a).nats,
            without.score(architecture, random_batch(), b).nats);
}

TEST(RecurrentSupernet, TwoHalvesWithTheStateCarriedScoreAsOneSegment) {
  const RecurrentSupernet net(small_space(), small_options(), kVocabulary, 1);
  const auto architecture = random_child(small_space(), 10);
  const Batch batch = random_batch();
  at::Tensor whole_state = start_state(net);
  at::Tensor state = whole_state.clone();
  const double whole = net.score(architecture, batch, whole_state).nats;
  double halves = 0.0;
  for (const std::int64_t begin : {std::int64_t{0}, kSteps / 2}) {
    const Batch half{batch.input.narrow(0, begin, kSteps / 2),
                     batch.target.narrow(0, begin, kSteps / 2)};
    halves += net.score(architecture, half, state).nats;
  }
  EXPECT_NEAR(halves, whole, 1e-5 * whole);
  EXPECT_LE((state - whole_state).abs().max().item<float>(), 1e-5F);
}

TEST(RecurrentSupernet, RandomChildrenAreTrained) {
  for (const Kernels kernels : {Kernels::fused, Kernels::eager}) {
    const RecurrentOptions options{.hidden = 4, .kernels = kernels};
    const RecurrentSupernet net(small_space(), options, kVocabulary, 1);
    for (std::uint64_t number = 0; number < 100; ++number) {
      const auto architecture = random_child(small_space(), number);
      at::Tensor state = net.initial_state(2);
      const auto found = net.gradient(architecture, random_batch(3, 2), state, kAddress);
      ASSERT_EQ(found.gradients.size(), net.touched(architecture).size());
      for (const at::Tensor& gradient : found.gradients) {
        EXPECT_TRUE(gradient.isfinite().all().item<bool>()) << architecture.text();
      }
    }
  }
}

TEST(RecurrentSupernet, RefusesWhatMakesNoModel) {
  const auto make = [](const RecurrentOptions& options) {
    return RecurrentSupernet(small_space(), options, kVocabulary, 1);
  };
  RecurrentOptions options = small_options();
  options.drop_output = 1.0;
  EXPECT_THROW(make(options), ConfigError);
  options = small_options();
  options.hidden = 0;
  EXPECT_THROW(make(options), ConfigError);
  options = small_options();
  options.init_range = std::nan("");
  EXPECT_THROW(make(options), ConfigError);
  const RecurrentSupernet net = make(small_options());
  at::Tensor wrong_state = net.initial_state(kBatch + 1);
  EXPECT_THROW(net.score(random_child(small_space(), 1), random_batch(), wrong_state),
               ContractError);
}

}  // namespace
}  // namespace enas::supernet
