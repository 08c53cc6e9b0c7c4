// SPDX-License-Identifier: Apache-2.0
// A row's probabilities stay exp(logit − largest): the row's scale goes into the smaller factor of
// each product with them. Every row is computed alone, so the bits do not depend on how rows are
// spread over threads.
#include "nn/cross_entropy_rows.hpp"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/error.hpp"
#include "nn/cross_entropy.hpp"
#include "nn/highway_kernel.hpp"
#include "nn/product.hpp"
#include "nn/product_kernel.hpp"
#include "nn/softmax_kernel.hpp"

namespace enas::nn {
namespace {

constexpr std::int64_t kRowUnit = 8;      // rows that a product takes at once
constexpr std::int64_t kCachedRows = 32;  // rows whose logits are in the second cache

/// The embedding as the right factor of a product with packed panels.
at::Tensor packed_embedding(const at::Tensor& embedding, bool transposed, std::string_view name,
                            Workspace& workspace) {
  const std::int64_t depth = embedding.size(transposed ? 1 : 0);
  const std::int64_t columns = embedding.size(transposed ? 0 : 1);
  at::Tensor packed = workspace.take(name, {packed_size(depth, columns)}, embedding.options());
  const MatrixView plain = {embedding.const_data_ptr<float>(), embedding.size(1), 1};
  const MatrixView view = transposed ? plain.transposed() : plain;
  float* const data = packed.data_ptr<float>();
  const std::int64_t panels = num_panels(columns);
  at::parallel_for(0, panels, 1, [&](std::int64_t begin, std::int64_t end) {
    pack_panels(view, depth, columns, begin, end, data);
  });
  return packed;
}

/// A multiple of 4096 bytes would put all rows of logits into the same sets of the cache.
std::int64_t pitch_of(std::int64_t vocabulary_size) {
  return vocabulary_size % 1024 == 0 ? vocabulary_size + 16 : vocabulary_size;
}

class OutputLayer {
 public:
  OutputLayer(const at::Tensor& outputs, const at::Tensor& embedding, const at::Tensor& targets,
              Workspace& workspace, Precision precision, const CrossEntropyGradients& gradients);
  double run();

 private:
  void rows(std::int64_t first, std::int64_t begin, std::int64_t end);
  void row(std::int64_t number, float* logits);
  void embedding_gradient(std::int64_t first, std::int64_t count);
  bool wants_gradients() const { return gradients_.outputs.defined(); }

  at::Tensor outputs_, embedding_, factor_embedding_;
  Precision precision_;
  CrossEntropyGradients gradients_;
  std::int64_t num_rows_, width_, vocabulary_size_, pitch_;
  const std::int64_t* targets_;
  at::Tensor logits_;  // [kCrossEntropyRows, V] of a wider buffer
  at::Tensor bits_;    // the same in bfloat16
  at::Tensor scaled_;  // [kCrossEntropyRows, H]: outputs times their row's scale
  at::Tensor packed_, packed_back_;
  std::vector<double> losses_;
  std::vector<float> scales_;  // of the gradients of a row
};

OutputLayer::OutputLayer(const at::Tensor& outputs, const at::Tensor& embedding,
                         const at::Tensor& targets, Workspace& workspace, Precision precision,
                         const CrossEntropyGradients& gradients)
    : outputs_(outputs),
      embedding_(embedding),
      precision_(precision),
      gradients_(gradients),
      num_rows_(outputs.size(0)),
      width_(outputs.size(1)),
      vocabulary_size_(embedding.size(0)),
      pitch_(pitch_of(vocabulary_size_)),
      targets_(targets.const_data_ptr<std::int64_t>()),
      losses_(static_cast<std::size_t>(num_rows_)),
      scales_(static_cast<std::size_t>(num_rows_)) {
  expect(std::all_of(targets_, targets_ + num_rows_,
                     [&](std::int64_t target) { return target >= 0 && target < vocabulary_size_; }),
         "a target is a row of the embedding");
  const std::int64_t held = std::min(kCrossEntropyRows, num_rows_);
  const auto take = [&](std::string_view name, std::int64_t columns, at::ScalarType type) {
    return workspace.take(name, {held, columns}, outputs.options().dtype(type));
  };
  logits_ = take("cross_entropy/logits", pitch_, at::kFloat).narrow(1, 0, vocabulary_size_);
  if (wants_gradients()) scaled_ = take("cross_entropy/scaled", width_, at::kFloat);
  if (precision_ == Precision::bfloat16) {
    factor_embedding_ = as_factor(embedding_, precision_);
    bits_ = take("cross_entropy/bits", pitch_, at::kBFloat16).narrow(1, 0, vocabulary_size_);
    return;
  }
  packed_ = packed_embedding(embedding, true, "cross_entropy/packed", workspace);
  if (wants_gradients()) {
    packed_back_ = packed_embedding(embedding, false, "cross_entropy/packed_back", workspace);
  }
}

double OutputLayer::run() {
  for (std::int64_t first = 0; first < num_rows_; first += kCrossEntropyRows) {
    const std::int64_t count = std::min(kCrossEntropyRows, num_rows_ - first);
    if (precision_ == Precision::bfloat16) {
      product_out(logits_.narrow(0, 0, count), outputs_.narrow(0, first, count),
                  factor_embedding_.t(), precision_);
    }
    at::parallel_for(0, (count + kRowUnit - 1) / kRowUnit, 1,
                     [&](std::int64_t begin, std::int64_t end) {
                       for (std::int64_t i = begin * kRowUnit; i < end * kRowUnit && i < count;
                            i += kCachedRows) {
                         rows(first, i, std::min({i + kCachedRows, end * kRowUnit, count}));
                       }
                     });
    if (wants_gradients()) embedding_gradient(first, count);
  }
  return std::accumulate(losses_.begin(), losses_.end(), 0.0);
}

/// Rows [begin, end) of the block that starts at row `first`, on one thread.
void OutputLayer::rows(std::int64_t first, std::int64_t begin, std::int64_t end) {
  const float* const outputs = outputs_.const_data_ptr<float>() + (first + begin) * width_;
  float* const logits = logits_.data_ptr<float>() + begin * pitch_;
  const bool packed = packed_.defined();
  if (packed) {
    multiply_panels({{outputs, width_, 1},
                     packed_.const_data_ptr<float>(),
                     end - begin,
                     width_,
                     vocabulary_size_,
                     logits,
                     pitch_});
  }
  for (std::int64_t i = begin; i < end; ++i) row(first + i, logits + (i - begin) * pitch_);
  if (!wants_gradients()) return;
  float* const gradient = gradients_.outputs.data_ptr<float>() + (first + begin) * width_;
  if (packed) {
    multiply_panels({{logits, pitch_, 1},
                     packed_back_.const_data_ptr<float>(),
                     end - begin,
                     vocabulary_size_,
                     width_,
                     gradient,
                     width_});
  }
  for (std::int64_t i = begin; i < end; ++i) {
    const float scale = scales_[static_cast<std::size_t>(first + i)];
    const std::int64_t place = (i - begin) * width_;
    scale_row(outputs + place, width_, scale, scaled_.data_ptr<float>() + i * width_);
    if (packed) {
      scale_row(gradient + place, width_, scale, gradient + place);
    } else {
      to_bfloat16(logits + (i - begin) * pitch_, vocabulary_size_,
                  static_cast<std::uint16_t*>(bits_.data_ptr()) + i * pitch_);
    }
  }
}

/// The loss of a row; its logits become gradients divided by the row's scale if these are wanted.
void OutputLayer::row(std::int64_t number, float* logits) {
  const auto index = static_cast<std::size_t>(number);
  float& target = logits[targets_[number]];
  const double target_logit = target;
  const SoftmaxRow softmax = softmax_row(logits, vocabulary_size_, wants_gradients());
  losses_[index] = std::log(softmax.sum) + (softmax.largest - target_logit);
  if (!wants_gradients()) return;
  target -= static_cast<float>(softmax.sum);
  scales_[index] = static_cast<float>(1.0 / (softmax.sum * static_cast<double>(num_rows_)));
}

void OutputLayer::embedding_gradient(std::int64_t first, std::int64_t count) {
  const at::Tensor factor = (bits_.defined() ? bits_ : logits_).narrow(0, 0, count);
  product_out(gradients_.embedding, factor.t(), scaled_.narrow(0, 0, count), precision_, first > 0);
  if (!bits_.defined()) return;
  at::Tensor rows = gradients_.outputs.narrow(0, first, count);
  product_out(rows, factor, factor_embedding_, precision_);
  rows.mul_(at::from_blob(scales_.data() + first, {count, 1}, at::kFloat));
}

}  // namespace

bool has_cross_entropy_rows(const at::Tensor& outputs, const at::Tensor& embedding) {
  return outputs.device().is_cpu() && outputs.scalar_type() == at::kFloat &&
         embedding.scalar_type() == at::kFloat && outputs.size(0) > 0;
}

double cross_entropy_rows(const at::Tensor& outputs, const at::Tensor& embedding,
                          const at::Tensor& targets, Workspace& workspace, Precision precision,
                          const CrossEntropyGradients& gradients) {
  return OutputLayer(outputs, embedding, targets, workspace, precision, gradients).run();
}

}  // namespace enas::nn
