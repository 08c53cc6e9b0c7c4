// SPDX-License-Identifier: Apache-2.0
#include "nn/plane/pass.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.hpp"

namespace enas::nn {
namespace {

/// Weight gradients are summed in so many groups of blocks, then over groups: an order that does
/// not depend on threads.
constexpr int kGroups = 16;

template <typename Visit>
void for_each_parallel(int count, Visit visit) {
  at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) visit(static_cast<int>(i));
  });
}

/// Moments of one channel over all images, merged in their order (Chan, Golub & LeVeque 1983).
Moments merge_moments(const PlaneValue& value, int channel) {
  Moments merged;
  const double count = value.shape.pixels();
  for (int image = 0; image < value.shape.images; ++image) {
    const Moments& part = value.moments[value.number(image, channel)];
    const double before = image * count;
    const double difference = part.mean - merged.mean;
    merged.mean += difference / (image + 1);
    merged.squares += part.squares + difference * difference * before * count / (before + count);
  }
  return merged;
}

GradientSums merge_sums(const PlaneValue& value, int channel) {
  GradientSums merged;
  for (int image = 0; image < value.shape.images; ++image) {
    const GradientSums& part = value.sums[value.number(image, channel)];
    merged.plain += part.plain;
    merged.centred += part.centred;
  }
  return merged;
}

}  // namespace

PlanePass::PlanePass(const ImageProgram& program, std::span<const at::Tensor> weights,
                     PlaneMemory& memory, bool keep)
    : plan_(program),
      weights_(weights),
      memory_(memory),
      keep_(keep),
      values_(plan_.norms.size()),
      steps_(plan_.operations.size()),
      gradients_(weights.size()) {
  memory_.prepare_scratch();
}

PlaneSource PlanePass::source_of(const PlaneOperand& operand) {
  return {operand, &values_[static_cast<std::size_t>(operand.value)]};
}

at::Tensor PlanePass::forward(const at::Tensor& images) {
  read_batch(images);
  for (std::size_t i = 0; i < plan_.operations.size(); ++i) run_forward(i);
  return features();
}

void PlanePass::read_batch(const at::Tensor& images) {
  const at::Tensor batch = images.contiguous();
  PlaneValue& value = values_[0];
  value.shape = {static_cast<int>(batch.size(0)), static_cast<int>(batch.size(1)),
                 static_cast<int>(batch.size(2)), static_cast<int>(batch.size(3))};
  memory_.begin_pass(value.shape);
  value.pixels = memory_.take(value.shape.size());
  const float* plane = batch.const_data_ptr<float>();
  for (int image = 0; image < value.shape.images; ++image) {
    for (int c = 0; c < value.shape.channels; ++c, plane += value.shape.pixels()) {
      std::copy(plane, plane + value.shape.pixels(), value.plane(image, c));
    }
  }
}

void PlanePass::run_forward(std::size_t operation) {
  const PlaneOperation& planned = plan_.operations[operation];
  std::vector<PlaneSource> sources;
  for (const PlaneOperand& operand : planned.operands) sources.push_back(source_of(operand));
  std::vector<at::Tensor> weights;
  for (const int weight : planned.step->weights) {
    weights.push_back(weights_[static_cast<std::size_t>(weight)]);
  }
  PlaneValue& value = values_[operation + 1];
  value.shape = plane_shape_of(*planned.step, sources, weights);
  value.pixels = memory_.take(value.shape.size());
  value.has_norm = plan_.norms[operation + 1] != nullptr;
  if (value.has_norm) {
    value.moments.resize(value.number(value.shape.images, 0));
    value.sums.resize(value.moments.size());
  }
  steps_[operation] = make_plane_step(*planned.step, std::move(sources), weights, value);
  for_each_parallel(value.shape.num_blocks(),
                    [&](int block) { steps_[operation]->forward(block, memory_.scratch()); });
  if (value.has_norm) normalise(operation + 1);
  if (keep_) return;
  steps_[operation].reset();
  for (const PlaneOperand& operand : planned.operands) {
    const auto read = static_cast<std::size_t>(operand.value);
    if (plan_.last_reader[read] == operation) values_[read].pixels = {};
  }
}

void PlanePass::normalise(std::size_t number) {
  PlaneValue& value = values_[number];
  const ImageStep& norm = *plan_.norms[number];
  const auto channels = static_cast<std::size_t>(value.shape.channels);
  const at::Tensor& weight = weights_[static_cast<std::size_t>(norm.weights[0])];
  const float* const scale = weight.const_data_ptr<float>();
  const double count = static_cast<double>(value.shape.images) * value.shape.pixels();
  value.seen.resize(channels);
  value.mean.resize(channels);
  value.raw_gradient.resize(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    const Moments all = merge_moments(value, static_cast<int>(c));
    // Rounding may leave a constant channel less than nothing; NaN stays.
    const double variance = all.squares < 0.0 ? 0.0 : all.squares / count;
    const double inverse = 1.0 / std::sqrt(variance + norm.epsilon);
    const double factor = scale[c] * inverse;
    value.mean[c] = static_cast<float>(all.mean);
    value.seen[c].scale = static_cast<float>(factor);
    value.seen[c].shift = static_cast<float>(scale[channels + c] - all.mean * factor);
    value.raw_gradient[c].scale = static_cast<float>(inverse);  // completed by begin_backward()
  }
}

at::Tensor PlanePass::features() {
  const PlaneSource source = source_of(plan_.output);
  const PlaneShape& shape = source.value->shape;
  at::Tensor result = at::empty({shape.images, shape.channels}, at::kFloat);
  float* const out = result.data_ptr<float>();
  for_each_parallel(shape.images, [&](int image) {
    for (int c = 0; c < shape.channels; ++c) {
      const double sum = view_sum(source.value->plane(image, c), source.view(c),
                                  static_cast<std::size_t>(shape.pixels()));
      out[source.value->number(image, c)] = static_cast<float>(sum / shape.pixels());
    }
  });
  return result;
}

std::vector<at::Tensor> PlanePass::backward(const at::Tensor& features_gradient) {
  expect(keep_ && !values_[0].pixels.empty(), "one backward after a forward that kept its values");
  deposit_features(features_gradient.contiguous());
  for (std::size_t i = plan_.operations.size(); i-- > 0;) run_backward(i);
  values_[0].pixels = {};
  return std::move(gradients_);
}

void PlanePass::make_room(const std::vector<PlaneSource>& sources) {
  for (const PlaneSource& source : sources) {
    PlaneValue& value = *source.value;
    if (!source.wants_gradient() || value.gradient != nullptr) continue;
    value.gradient = std::make_shared<PlaneBuffer>(memory_.take(value.shape.size()));
  }
}

void PlanePass::deposit_features(const at::Tensor& gradient) {
  const PlaneSource source = source_of(plan_.output);
  make_room({source});
  const PlaneShape& shape = source.value->shape;
  const float* const values = gradient.const_data_ptr<float>();
  for_each_parallel(shape.images, [&](int image) {
    for (int c = 0; c < shape.channels; ++c) {
      source.deposit(image, c,
                     values[source.value->number(image, c)] / static_cast<float>(shape.pixels()));
    }
  });
}

/// From the sums over a normed image's gradient: the gradients of the norm's scale and offset, and
/// of its input, dz = γ·i·(g − mean g − (z − μ)·i²·mean(g·(z − μ))) with i = 1/√(variance + ε).
void PlanePass::begin_backward(std::size_t number) {
  PlaneValue& value = values_[number];
  const auto weight = static_cast<std::size_t>(plan_.norms[number]->weights[0]);
  const auto channels = static_cast<std::size_t>(value.shape.channels);
  const double count = static_cast<double>(value.shape.images) * value.shape.pixels();
  at::Tensor gradient = at::empty({2, value.shape.channels}, at::kFloat);
  float* const out = gradient.data_ptr<float>();
  for (std::size_t c = 0; c < channels; ++c) {
    const GradientSums sums = merge_sums(value, static_cast<int>(c));
    auto& raw = value.raw_gradient[c];
    const double inverse = raw.scale;
    const double scale = value.seen[c].scale;
    const double slope = -scale * inverse * inverse * sums.centred / count;
    out[c] = static_cast<float>(sums.centred * inverse);
    out[channels + c] = static_cast<float>(sums.plain);
    raw = {static_cast<float>(scale), static_cast<float>(slope),
           static_cast<float>(-scale * sums.plain / count - slope * value.mean[c])};
  }
  expect(!gradients_[weight].defined(), "a weight is read by one step");
  gradients_[weight] = gradient;
}

/// What only a sum reads, without ReLU, has the sum's own gradient.
void PlanePass::share_gradient(PlaneStep& sum) {
  if (sum.result().has_norm) return;
  for (PlaneSource& source : sum.sources()) {
    const PlaneOperand& operand = source.operand;
    const bool is_only_reader = !operand.accumulates && operand.completes;
    source.shares_gradient = source.wants_gradient() && is_only_reader && !operand.relu;
    if (source.shares_gradient) source.value->gradient = sum.result().gradient;
  }
}

void PlanePass::run_backward(std::size_t operation) {
  PlaneStep& step = *steps_[operation];
  PlaneValue& value = step.result();
  if (value.has_norm) begin_backward(operation + 1);
  if (plan_.operations[operation].step->kind == ImageStep::Kind::sum) share_gradient(step);
  make_room(step.sources());
  const int blocks = value.shape.num_blocks();
  const int groups = std::min(kGroups, blocks);
  const std::size_t num_sums = step.num_weight_sums();
  PlaneBuffer buffer = memory_.take(static_cast<std::size_t>(groups) * num_sums + kPlaneSlack);
  float* const sums = buffer.data();
  for_each_parallel(groups, [&](int group) {
    float* const own = sums + static_cast<std::size_t>(group) * num_sums;
    std::fill(own, own + num_sums, 0.0F);
    for (int block = group * blocks / groups; block < (group + 1) * blocks / groups; ++block) {
      step.backward(block, memory_.scratch(), own);
    }
  });
  for (int group = 1; group < groups; ++group) {
    add(sums + static_cast<std::size_t>(group) * num_sums, {}, num_sums, sums);
  }
  const auto gradients = step.weight_gradients(std::span(sums, num_sums));
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    at::Tensor& place =
        gradients_[static_cast<std::size_t>(plan_.operations[operation].step->weights[i])];
    expect(!place.defined(), "a weight is read by one step");
    place = gradients[i];
  }
  steps_[operation].reset();
  value.gradient.reset();
  value.pixels = {};
}

}  // namespace enas::nn
