// SPDX-License-Identifier: Apache-2.0
#include "child/image_network.hpp"

#include <torch/torch.h>

#include <utility>

#include "child/image_pass.hpp"
#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/random.hpp"
#include "nn/classification.hpp"
#include "nn/convolution.hpp"
#include "nn/gradients.hpp"

namespace enas::child {
namespace {

std::vector<at::Tensor> values_of(const std::vector<nn::Weight>& weights) {
  std::vector<at::Tensor> values;
  values.reserve(weights.size());
  for (const nn::Weight& weight : weights) values.push_back(weight.value);
  return values;
}

}  // namespace

ImageNetwork::ImageNetwork(ImagePlan plan, const Training& training, std::uint64_t seed)
    : plan_(std::move(plan)), training_(training) {
  expect(plan_.num_main_steps() > 0, "a plan ends with a classifier");
  for (const PlannedWeight& weight : plan_.weights()) {
    const RandomStream random(seed, {Purpose::child_weights, name_address(weight.name)});
    weights_.push_back({weight.name, nn::initial_image_weight(weight.sizes, weight.fan_in, random),
                        /*decays=*/weight.fan_in > 0});
  }
  for (const PlanStep& step : plan_.steps()) {
    if (step.kind != PlanStep::Kind::norm) continue;
    const std::string& name = plan_.norms()[static_cast<std::size_t>(step.number)];
    const std::int64_t channels = plan_.size(step.images[0])[0];
    averages_.push_back({name + "/mean", at::zeros({channels}), false});
    averages_.push_back({name + "/variance", at::ones({channels}), false});
  }
}

at::Tensor ImageNetwork::initial_state(std::int64_t) const { return at::empty({0}); }

void ImageNetwork::check(const nn::Batch& batch) const {
  const nn::DataShape& shape = plan_.shape();
  expect(batch.input.dim() == 4 && batch.input.size(0) > 0 &&
             batch.input.size(1) == shape.channels && batch.input.size(2) == shape.height &&
             batch.input.size(3) == shape.width && batch.input.scalar_type() == at::kFloat,
         "a batch holds float32 images [B, C, H, W] of the network's shape");
  expect(batch.target.dim() == 1 && batch.target.size(0) == batch.input.size(0) &&
             batch.target.scalar_type() == at::kLong,
         "a batch holds one class for each image");
}

nn::Pass ImageNetwork::train(const nn::Batch& batch, at::Tensor&, const nn::StepAddress& address,
                             double progress) const {
  check(batch);
  expect(progress >= 0.0 && progress <= 1.0, "progress is in [0, 1]");
  Stopwatch watch;
  const at::AutoGradMode with_gradients(true);  // whatever the caller's mode is
  std::vector<at::Tensor> leaves;
  for (const nn::Weight& weight : weights_) {
    leaves.push_back(weight.value.detach().requires_grad_());
  }
  PassResult result =
      training_pass(plan_, batch.input.detach(), leaves, {address, training_.dropout, progress});
  const at::Tensor loss = nn::mean_cross_entropy(result.logits, batch.target);
  at::Tensor total = loss;
  if (result.auxiliary_logits.defined()) {
    total = loss + training_.auxiliary_weight *
                       nn::mean_cross_entropy(result.auxiliary_logits, batch.target);
  }
  nn::Pass pass;
  pass.loss = loss.item<double>();
  pass.correct = nn::count_correct(result.logits.detach(), batch.target);
  pass.statistics = std::move(result.statistics);
  pass.forward_s = watch.restart();
  pass.gradients = nn::gradients(total, leaves);
  for (at::Tensor& gradient : pass.gradients) gradient = gradient.contiguous();
  pass.backward_s = watch.seconds();
  return pass;
}

nn::Score ImageNetwork::score(const nn::Batch& batch, at::Tensor&) const {
  check(batch);
  const at::AutoGradMode without_gradients(false);
  const std::vector<at::Tensor> values = values_of(weights_);
  const std::vector<at::Tensor> averages = values_of(averages_);
  const at::Tensor logits = scoring_pass(plan_, batch.input, values, averages);
  nn::Score score;
  score.count = batch.target.size(0);
  score.nats = nn::mean_cross_entropy(logits, batch.target).item<double>() *
               static_cast<double>(score.count);
  score.correct = nn::count_correct(logits, batch.target);
  return score;
}

}  // namespace enas::child
