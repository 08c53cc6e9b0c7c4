// SPDX-License-Identifier: Apache-2.0
#include "child/recurrent.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "core/random.hpp"

namespace enas::child {
namespace {

constexpr int kVocabulary = 30;
constexpr nn::StepAddress kAddress{7, 1, 40};

space::RecurrentCell cell_of(std::vector<std::int32_t> tokens, space::RecurrentSpaceOptions space) {
  return space::recurrent_cell(space, {space::recurrent_space(space).id(), std::move(tokens)});
}

/// Node 3 reads node 1; nodes 2, 3 and 4 are loose.
space::RecurrentCell small_cell(space::FirstNode first = space::FirstNode::sampled) {
  space::RecurrentSpaceOptions space;
  space.nodes = 5;
  space.first_node = first;
  std::vector<std::int32_t> tokens = {3, 0, 1, 1, 2, 1, 0, 0, 3};
  if (first == space::FirstNode::tanh) tokens.erase(tokens.begin());
  return cell_of(tokens, space);
}

RecurrentNetworkOptions small_options() {
  RecurrentNetworkOptions options;
  options.hidden = 9;
  options.init_range = 0.5;
  options.slowness = 0.4;
  return options;
}

RecurrentNetworkOptions without_dropout(RecurrentNetworkOptions options = small_options()) {
  options.drop_word = options.drop_input = options.drop_cell_input = 0.0;
  options.drop_state = options.drop_output = 0.0;
  return options;
}

nn::Batch random_batch(std::int64_t steps = 6, std::int64_t batch_size = 5) {
  RandomStream stream(4, {Purpose::test, 0});
  nn::Batch batch{at::empty({steps, batch_size}, at::kLong),
                  at::empty({steps, batch_size}, at::kLong)};
  for (at::Tensor* tokens : {&batch.input, &batch.target}) {
    auto* const data = tokens->data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < tokens->numel(); ++i) {
      data[i] = static_cast<std::int64_t>(stream.next_below(kVocabulary));
    }
  }
  return batch;
}

at::Tensor start_state(const Network& net, std::int64_t batch_size = 5) {
  return net.initial_state(batch_size) + at::linspace(-0.5, 0.5, batch_size).unsqueeze(1);
}

nn::Pass train(const Network& net, const nn::StepAddress& address = kAddress) {
  at::Tensor state = start_state(net);
  return net.train(random_batch(), state, address, 0.5);
}

nn::Score score(const Network& net) {
  at::Tensor state = start_state(net);
  return net.score(random_batch(), state);
}

std::int64_t count_values(const std::vector<nn::WeightShape>& shapes) {
  std::int64_t count = 0;
  for (const nn::WeightShape& shape : shapes) count += shape.count();
  return count;
}

TEST(RecurrentNetwork, TheAuthorsPublishedCellHasTheirNumberOfParameters) {
  space::RecurrentSpaceOptions space;
  const space::RecurrentCell cell =
      cell_of({0, 0, 0, 1, 1, 2, 1, 2, 0, 2, 0, 5, 1, 1, 0, 6, 1, 8, 1, 8, 1, 8, 1}, space);
  RecurrentNetworkOptions options;
  options.hidden = 748;
  EXPECT_EQ(count_values(recurrent_network_shapes(cell, options, 10000)), 22'027'104);
  options.output_bias = true;
  EXPECT_EQ(count_values(recurrent_network_shapes(cell, options, 10000)), 22'037'104);
}

TEST(RecurrentNetwork, HasTheWeightsOfItsShapesFromSeedAndNameAlone) {
  RecurrentNetworkOptions options = small_options();
  options.output_bias = true;
  const RecurrentNetwork net(small_cell(), options, kVocabulary, 1);
  const RecurrentNetwork same(small_cell(), options, kVocabulary, 1);
  const RecurrentNetwork other(small_cell(), options, kVocabulary, 2);
  const auto shapes = recurrent_network_shapes(small_cell(), options, kVocabulary);
  ASSERT_EQ(net.weights().size(), shapes.size());
  EXPECT_TRUE(net.averages().empty());
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const nn::Weight& weight = net.weights()[i];
    EXPECT_EQ(weight.name, shapes[i].name);
    EXPECT_EQ(weight.value.sizes(), at::IntArrayRef(shapes[i].sizes));
    EXPECT_TRUE(weight.decays);
    EXPECT_TRUE(at::equal(weight.value, same.weights()[i].value));
    if (weight.name == "output/bias") {
      EXPECT_EQ(weight.value.abs().max().item<float>(), 0.0F);
      continue;
    }
    EXPECT_FALSE(at::equal(weight.value, other.weights()[i].value)) << weight.name;
    EXPECT_LE(weight.value.abs().max().item<float>(), 0.5F);
    EXPECT_GE(weight.value.abs().max().item<float>(), 0.4F);
  }
  EXPECT_EQ(net.weights().back().name, "node/4");
}

/// The whole model in double and plain autograd, written from the definition.
nn::Pass definition(const RecurrentNetwork& net, const RecurrentNetworkOptions& options,
                    const nn::Cell& plan, const nn::Batch& batch, at::Tensor state) {
  const auto mask = [&](std::uint64_t which, double drop, at::IntArrayRef sizes) {
    std::vector<float> values(static_cast<std::size_t>(c10::multiply_integers(sizes)), 1.0F);
    RandomStream stream(kAddress.seed, {Purpose::dropout, kAddress.slot, kAddress.step, which});
    if (drop > 0.0) stream.fill_keep_mask(values, 1.0 - drop);
    return torch::tensor(values).view(sizes).to(at::kDouble);
  };
  const at::IntArrayRef locked = state.sizes();
  std::vector<at::Tensor> leaves;
  for (const nn::Weight& weight : net.weights()) {
    leaves.push_back(weight.value.to(at::kDouble).requires_grad_());
  }
  const std::size_t first_node = options.output_bias ? 2 : 1;
  nn::Cell cell = plan;
  cell.state_mask = mask(3, options.drop_state, locked);
  const at::Tensor words = leaves[0] * mask(0, options.drop_word, {kVocabulary, 1});
  const at::Tensor x = at::embedding(words, batch.input) * mask(1, options.drop_input, locked) *
                       mask(2, options.drop_cell_input, locked);
  const at::Tensor outputs = nn::recurrent_segment_reference(
      cell, x, state.to(at::kDouble),
      {leaves.begin() + static_cast<std::ptrdiff_t>(first_node), leaves.end()});
  const at::Tensor dropped = outputs * mask(4, options.drop_output, locked);
  at::Tensor logits = dropped.flatten(0, 1).mm(leaves[0].t());
  if (options.output_bias) logits = logits + leaves[1];
  const at::Tensor cross_entropy = at::cross_entropy_loss(logits, batch.target.view(-1));
  at::Tensor loss = cross_entropy + options.activation_l2 * outputs.square().mean();
  if (outputs.size(0) > 1) loss = loss + options.slowness * outputs.diff(1, 0).square().mean();
  std::vector<at::Tensor> gradients =
      torch::autograd::grad({loss}, leaves, {}, std::nullopt, false, /*allow_unused=*/true);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (!gradients[i].defined()) gradients[i] = at::zeros_like(leaves[i]);
  }
  return {cross_entropy.item<double>(), 0, gradients, {}};
}

void expect_definition(const space::RecurrentCell& cell, const RecurrentNetworkOptions& options,
                       const std::vector<int>& outputs, const nn::Batch& batch) {
  const RecurrentNetwork net(cell, options, kVocabulary, 1);
  nn::Cell plan;
  for (const auto& node : cell.nodes) {
    plan.nodes.push_back({node.previous, static_cast<nn::NodeFunction>(node.activation)});
  }
  plan.outputs = outputs;
  at::Tensor state = start_state(net, batch.input.size(1));
  const nn::Pass expected = definition(net, options, plan, batch, state);
  const nn::Pass found = net.train(batch, state, kAddress, 0.5);
  EXPECT_NEAR(found.loss, expected.loss, 1e-6 * expected.loss);
  ASSERT_EQ(found.gradients.size(), net.weights().size());
  EXPECT_TRUE(found.statistics.empty());
  for (std::size_t i = 0; i < expected.gradients.size(); ++i) {
    const at::Tensor& gradient = found.gradients[i];
    ASSERT_EQ(gradient.sizes(), net.weights()[i].value.sizes());
    EXPECT_EQ(gradient.scalar_type(), at::kFloat);
    EXPECT_TRUE(gradient.is_contiguous());
    const double scale = expected.gradients[i].abs().max().item<double>();
    const double error = (gradient - expected.gradients[i]).abs().max().item<double>();
    EXPECT_LE(error, 2e-5 * scale + 1e-8) << net.weights()[i].name;
  }
}

TEST(RecurrentNetwork, GradientsAreThoseOfTheDefinition) {
  for (const bool fused : {true, false}) {
    for (const bool output_bias : {false, true}) {
      RecurrentNetworkOptions options = small_options();
      options.fused = fused;
      options.output_bias = output_bias;
      expect_definition(small_cell(), options, {2, 3, 4}, random_batch());
      expect_definition(small_cell(), without_dropout(options), {2, 3, 4}, random_batch());
      expect_definition(small_cell(), options, {2, 3, 4}, random_batch(7, 1));
      expect_definition(small_cell(), options, {2, 3, 4}, random_batch(1, 1));
      options.cell_output = CellOutput::all;
      expect_definition(small_cell(), options, {0, 1, 2, 3, 4}, random_batch());
      expect_definition(small_cell(space::FirstNode::tanh), options, {1, 2, 3, 4}, random_batch());
    }
  }
}

TEST(RecurrentNetwork, NamedOutputsOfACellComeFirst) {
  space::RecurrentCell cell = small_cell();
  for (const bool fused : {true, false}) {
    RecurrentNetworkOptions options = small_options();
    options.fused = fused;
    // In the second case no output depends on nodes 2 and 4, nor in the third on all but node 0.
    for (const std::vector<int>& outputs : {std::vector<int>{0, 2, 3, 4}, {1, 3}, {0}}) {
      cell.named_outputs = outputs;
      options.cell_output = CellOutput::loose_ends;
      expect_definition(cell, options, outputs, random_batch());
      options.cell_output = CellOutput::all;
      expect_definition(cell, options, outputs, random_batch());
    }
  }
}

// The change of the loss along a direction, without any derivative.
TEST(RecurrentNetwork, GradientsAreTheSlopesOfTheLoss) {
  RecurrentNetworkOptions options = small_options();
  options.slowness = options.activation_l2 = 0.0;
  const RecurrentNetwork net(small_cell(), options, kVocabulary, 1);
  const nn::Pass pass = train(net);
  for (std::size_t i = 0; i < net.weights().size(); ++i) {
    at::Tensor weight = net.weights()[i].value;
    const at::Tensor kept = weight.clone();
    const at::Tensor direction = pass.gradients[i] / pass.gradients[i].norm();
    constexpr double kStep = 5e-3;
    weight.copy_(kept + kStep * direction);
    const double above = train(net).loss;
    weight.copy_(kept - kStep * direction);
    const double below = train(net).loss;
    weight.copy_(kept);
    const double slope = pass.gradients[i].norm().item<double>();
    EXPECT_NEAR((above - below) / (2.0 * kStep), slope, 5e-3 * slope) << net.weights()[i].name;
  }
}

TEST(RecurrentNetwork, WithoutDropoutTheScoreIsTheTrainingLoss) {
  const RecurrentNetwork net(small_cell(), without_dropout(), kVocabulary, 1);
  at::Tensor trained = start_state(net);
  at::Tensor scored = trained.clone();
  const double loss = net.train(random_batch(), trained, kAddress, 0.5).loss;
  const nn::Score result = net.score(random_batch(), scored);
  EXPECT_EQ(result.count, 30);
  EXPECT_EQ(result.correct, 0);
  EXPECT_NEAR(result.loss(), loss, 1e-6 * loss);
  EXPECT_TRUE(at::equal(trained, scored));
  EXPECT_FALSE(trained.requires_grad());

  const RecurrentNetwork dropping(small_cell(), small_options(), kVocabulary, 1);
  EXPECT_EQ(score(dropping).nats, result.nats);
  EXPECT_GT(std::abs(train(dropping).loss - loss), 1e-3);
}

TEST(RecurrentNetwork, EachDropoutChangesTheLossAlone) {
  const double plain =
      train(RecurrentNetwork(small_cell(), without_dropout(), kVocabulary, 1)).loss;
  for (double RecurrentNetworkOptions::*drop :
       {&RecurrentNetworkOptions::drop_word, &RecurrentNetworkOptions::drop_input,
        &RecurrentNetworkOptions::drop_cell_input, &RecurrentNetworkOptions::drop_state,
        &RecurrentNetworkOptions::drop_output}) {
    RecurrentNetworkOptions options = without_dropout();
    options.*drop = 0.5;
    const RecurrentNetwork net(small_cell(), options, kVocabulary, 1);
    EXPECT_GT(std::abs(train(net).loss - plain), 1e-4);
  }
}

TEST(RecurrentNetwork, PenaltiesAreInTheGradientsAndNotInTheLoss) {
  for (double RecurrentNetworkOptions::*penalty :
       {&RecurrentNetworkOptions::slowness, &RecurrentNetworkOptions::activation_l2}) {
    RecurrentNetworkOptions options = small_options();
    options.slowness = options.activation_l2 = 0.0;
    const nn::Pass plain = train(RecurrentNetwork(small_cell(), options, kVocabulary, 1));
    options.*penalty = 2.0;
    const nn::Pass pass = train(RecurrentNetwork(small_cell(), options, kVocabulary, 1));
    EXPECT_EQ(pass.loss, plain.loss);
    EXPECT_GT((pass.gradients.back() - plain.gradients.back()).abs().max().item<float>(), 1e-4F);
  }
}

TEST(RecurrentNetwork, TheSameAddressGivesTheSameBits) {
  const RecurrentNetwork net(small_cell(), small_options(), kVocabulary, 1);
  const nn::Pass first = train(net);
  const nn::Pass second = train(net);
  EXPECT_EQ(first.loss, second.loss);
  for (std::size_t i = 0; i < first.gradients.size(); ++i) {
    EXPECT_TRUE(at::equal(first.gradients[i], second.gradients[i]));
  }
  EXPECT_NE(train(net, {7, 1, 41}).loss, first.loss);
  EXPECT_NE(train(net, {7, 2, 40}).loss, first.loss);
  EXPECT_EQ(score(net).nats, score(net).nats);
}

TEST(RecurrentNetwork, AStateIsCarriedOverSegments) {
  const RecurrentNetwork net(small_cell(), without_dropout(), kVocabulary, 1);
  for (const std::int64_t batch_size : {1, 5}) {
    const nn::Batch whole = random_batch(12, batch_size);
    at::Tensor state = start_state(net, batch_size);
    at::Tensor parts_state = state.clone();
    const nn::Score score = net.score(whole, state);
    double nats = 0.0;
    // A test of one token at a time is the extreme case.
    const std::int64_t steps = batch_size == 1 ? 1 : 6;
    for (std::int64_t begin = 0; begin < 12; begin += steps) {
      nats += net.score({whole.input.narrow(0, begin, steps), whole.target.narrow(0, begin, steps)},
                        parts_state)
                  .nats;
    }
    EXPECT_NEAR(nats, score.nats, 1e-5 * score.nats);
    EXPECT_LE((state - parts_state).abs().max().item<float>(), 1e-5F);
  }
}

TEST(RecurrentNetwork, CountsTheProductsOfAToken) {
  const RecurrentNetwork net(small_cell(), small_options(), kVocabulary, 1);
  EXPECT_EQ(net.multiply_adds(), 18 * 18 + 4 * 9 * 18 + 9 * 30);
}

TEST(RecurrentNetwork, RefusesWhatIsOutOfRange) {
  const auto message = [](const RecurrentNetworkOptions& options, int vocabulary_size) {
    try {
      const RecurrentNetwork net(small_cell(), options, vocabulary_size, 1);
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  RecurrentNetworkOptions options = small_options();
  EXPECT_EQ(message(options, kVocabulary), "");
  EXPECT_NE(message(options, 1).find("vocabulary"), std::string::npos);
  options.drop_state = 1.0;
  EXPECT_NE(message(options, kVocabulary).find("drop_state is 1;"), std::string::npos);
  options = small_options();
  options.hidden = 0;
  EXPECT_NE(message(options, kVocabulary).find("hidden is 0;"), std::string::npos);

  const RecurrentNetwork net(small_cell(), small_options(), kVocabulary, 1);
  at::Tensor state = net.initial_state(4);
  EXPECT_THROW(net.score(random_batch(), state), ContractError);
}

}  // namespace
}  // namespace enas::child
