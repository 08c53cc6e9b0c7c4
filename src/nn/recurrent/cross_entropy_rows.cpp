// SPDX-License-Identifier: Apache-2.0
// Two passes over the chunks of a block: logits and sums of exponentials relative to the chunk's
// largest logit; then, with the sums of whole rows known, probabilities and both gradients. A
// chunk is one thread's work, and what chunks contribute to a row is added in their order.
#include "nn/recurrent/cross_entropy_rows.hpp"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/error.hpp"
#include "nn/kernel/highway_kernel.hpp"
#include "nn/kernel/product.hpp"
#include "nn/kernel/product_kernel.hpp"
#include "nn/kernel/softmax_kernel.hpp"
#include "nn/recurrent/cross_entropy.hpp"

namespace enas::nn {
namespace {

constexpr std::int64_t kChunkWords = 640;  // part of the bits
constexpr std::int64_t kVectorWords = 16;
constexpr std::int64_t kRowUnit = 8;

/// Words [begin, end) of the vocabulary: right factors of their own, whole vectors but for the
/// last.
struct Chunk {
  std::int64_t begin, end;
  std::int64_t words() const { return end - begin; }
};

std::vector<Chunk> chunks_of(std::int64_t vocabulary_size) {
  const std::int64_t vectors = (vocabulary_size + kVectorWords - 1) / kVectorWords;
  const std::int64_t count = (vocabulary_size + kChunkWords - 1) / kChunkWords;
  std::vector<Chunk> chunks;
  for (std::int64_t i = 0; i < count; ++i) {
    chunks.push_back({vectors * i / count * kVectorWords,
                      std::min(vectors * (i + 1) / count * kVectorWords, vocabulary_size)});
  }
  return chunks;
}

/// A multiple of 1024 bytes would put the rows of a chunk into few sets of the cache.
std::int64_t pitch_of(std::int64_t words) {
  const std::int64_t lines = (words + 15) / 16;
  return 16 * (lines % 16 == 0 ? lines + 1 : lines);
}

std::uint16_t* bits_of(const at::Tensor& tensor) {
  return static_cast<std::uint16_t*>(tensor.data_ptr());
}

class OutputLayer {
 public:
  OutputLayer(const at::Tensor& outputs, const OutputWeights& weights, const at::Tensor& targets,
              Workspace& workspace, Precision precision, const CrossEntropyGradients& gradients);
  double run();

 private:
  /// What a chunk knows of a row; what the whole row makes of it.
  struct Part {
    SoftmaxRow softmax;
    float scale = 0.0F;  // from the chunk's exponentials to probabilities
  };

  void take_buffers(Workspace& workspace);
  void pack_embedding();
  void begin_block(std::int64_t first);
  void logits(std::size_t number);
  void begin_logits(const Chunk& chunk, float* values);
  void finish_rows(std::int64_t begin, std::int64_t end);
  void gradients(std::size_t number);
  void add_to_bias(const Chunk& chunk, const float* values);
  void add_parts(std::int64_t begin, std::int64_t end);

  bool wants_gradients() const { return gradients_.outputs.defined(); }
  bool is_rounded() const { return precision_ == Precision::bfloat16; }
  Part& part(std::size_t chunk, std::int64_t row) {
    return parts_[chunk * static_cast<std::size_t>(kCrossEntropyRows) +
                  static_cast<std::size_t>(row)];
  }
  /// Gradients need the logits of all chunks; without, a thread keeps one chunk.
  float* logits_at(std::size_t chunk) const {
    const auto place =
        wants_gradients() ? static_cast<std::int64_t>(chunk) : std::int64_t{at::get_thread_num()};
    return logits_.data_ptr<float>() + place * logits_.size(1);
  }

  at::Tensor outputs_, embedding_, bias_;
  const std::int64_t* targets_;
  Precision precision_;
  CrossEntropyGradients gradients_;
  std::int64_t num_rows_, width_, vocabulary_size_;
  std::vector<Chunk> chunks_;
  std::vector<double> losses_;

  std::int64_t first_ = 0, rows_ = 0;  // of the block
  std::vector<Part> parts_;
  std::vector<float> target_logits_;
  at::Tensor logits_, bits_;            // [chunks or threads, rows · words]
  at::Tensor output_parts_;             // [chunks, rows, H]: gradients of the outputs
  at::Tensor scaled_, packed_outputs_;  // [rows, H] divided by the number of rows; packed
  at::Tensor packed_, packed_back_;     // embedding for logits and for gradients
  at::Tensor factor_embedding_, factor_outputs_;
};

OutputLayer::OutputLayer(const at::Tensor& outputs, const OutputWeights& weights,
                         const at::Tensor& targets, Workspace& workspace, Precision precision,
                         const CrossEntropyGradients& gradients)
    : outputs_(outputs),
      embedding_(weights.embedding),
      bias_(weights.bias),
      targets_(targets.const_data_ptr<std::int64_t>()),
      precision_(precision),
      gradients_(gradients),
      num_rows_(outputs.size(0)),
      width_(outputs.size(1)),
      vocabulary_size_(embedding_.size(0)),
      chunks_(chunks_of(vocabulary_size_)),
      losses_(static_cast<std::size_t>(num_rows_)),
      parts_(chunks_.size() * static_cast<std::size_t>(kCrossEntropyRows)),
      target_logits_(static_cast<std::size_t>(kCrossEntropyRows)) {
  expect(std::all_of(targets_, targets_ + num_rows_,
                     [&](std::int64_t target) { return target >= 0 && target < vocabulary_size_; }),
         "a target is a row of the embedding");
  take_buffers(workspace);
  if (is_rounded()) {
    factor_embedding_ = as_factor(embedding_, precision_);
    factor_outputs_ = as_factor(outputs_, precision_);
  } else {
    pack_embedding();
  }
}

void OutputLayer::take_buffers(Workspace& workspace) {
  const std::int64_t held = std::min(kCrossEntropyRows, num_rows_);
  const auto count = static_cast<std::int64_t>(chunks_.size());
  std::int64_t largest = 0;
  for (const Chunk& chunk : chunks_) largest = std::max(largest, held * pitch_of(chunk.words()));
  const auto take = [&](std::string_view name, at::IntArrayRef sizes,
                        at::ScalarType type = at::kFloat) {
    return workspace.take(name, sizes, outputs_.options().dtype(type));
  };
  const std::int64_t places = wants_gradients() ? count : std::int64_t{at::get_num_threads()};
  logits_ = take("cross_entropy/logits", {places, largest});
  if (!is_rounded()) {
    packed_ = take("cross_entropy/packed", {packed_size(width_, vocabulary_size_)});
  }
  if (!wants_gradients()) return;
  output_parts_ = take("cross_entropy/output_parts", {count, held, width_});
  scaled_ = take("cross_entropy/scaled", {held, width_}, is_rounded() ? at::kBFloat16 : at::kFloat);
  if (is_rounded()) {
    bits_ = take("cross_entropy/bits", {at::get_num_threads(), largest}, at::kBFloat16);
  } else {
    packed_back_ = take("cross_entropy/packed_back", {packed_size(vocabulary_size_, width_)});
    packed_outputs_ = take("cross_entropy/packed_outputs", {packed_size(held, width_)});
  }
}

void OutputLayer::pack_embedding() {
  const MatrixView embedding = {embedding_.const_data_ptr<float>(), width_, 1};
  const auto count = static_cast<std::int64_t>(chunks_.size());
  at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Chunk& chunk = chunks_[static_cast<std::size_t>(i)];
      pack_panels(embedding.at(chunk.begin, 0).transposed(), width_, chunk.words(), 0,
                  num_panels(chunk.words()),
                  packed_.data_ptr<float>() + packed_size(width_, chunk.begin));
      if (!wants_gradients()) continue;
      pack_panels(embedding.at(chunk.begin, 0), chunk.words(), width_, 0, num_panels(width_),
                  packed_back_.data_ptr<float>() + packed_size(chunk.begin, width_));
    }
  });
}

double OutputLayer::run() {
  const auto count = static_cast<std::int64_t>(chunks_.size());
  const auto over_chunks = [&](void (OutputLayer::*visit)(std::size_t)) {
    at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) (this->*visit)(static_cast<std::size_t>(i));
    });
  };
  for (std::int64_t first = 0; first < num_rows_; first += kCrossEntropyRows) {
    begin_block(first);
    over_chunks(&OutputLayer::logits);
    finish_rows(0, rows_);
    if (!wants_gradients()) continue;
    over_chunks(&OutputLayer::gradients);
    at::parallel_for(0, rows_, kRowUnit,
                     [&](std::int64_t begin, std::int64_t end) { add_parts(begin, end); });
  }
  if (gradients_.bias.defined()) gradients_.bias.div_(static_cast<double>(num_rows_));
  return std::accumulate(losses_.begin(), losses_.end(), 0.0);
}

void OutputLayer::begin_block(std::int64_t first) {
  first_ = first;
  rows_ = std::min(kCrossEntropyRows, num_rows_ - first);
  if (!wants_gradients()) return;
  at::Tensor scaled = scaled_.narrow(0, 0, rows_);
  scaled.copy_(outputs_.narrow(0, first, rows_) * (1.0 / static_cast<double>(num_rows_)));
  if (is_rounded()) return;
  pack_panels({scaled.const_data_ptr<float>(), width_, 1}, rows_, width_, 0, num_panels(width_),
              packed_outputs_.data_ptr<float>());
}

void OutputLayer::logits(std::size_t number) {
  const Chunk& chunk = chunks_[number];
  const std::int64_t pitch = pitch_of(chunk.words());
  float* const values = logits_at(number);
  const bool has_bias = bias_.defined();
  if (has_bias) begin_logits(chunk, values);
  if (is_rounded()) {
    multiply_bfloat16({bits_of(factor_outputs_) + first_ * width_, false,
                       bits_of(factor_embedding_) + chunk.begin * width_, true, rows_, width_,
                       chunk.words(), values, pitch, has_bias});
  } else {
    multiply_panels({{outputs_.const_data_ptr<float>() + first_ * width_, width_, 1},
                     packed_.const_data_ptr<float>() + packed_size(width_, chunk.begin),
                     rows_,
                     width_,
                     chunk.words(),
                     values,
                     pitch,
                     has_bias});
  }
  for (std::int64_t row = 0; row < rows_; ++row) {
    const std::int64_t target = targets_[first_ + row];
    if (target >= chunk.begin && target < chunk.end) {
      target_logits_[static_cast<std::size_t>(row)] = values[row * pitch + target - chunk.begin];
    }
    part(number, row).softmax = softmax_row(values + row * pitch, chunk.words(), wants_gradients());
  }
}

/// The bias in every row: the product comes on top.
void OutputLayer::begin_logits(const Chunk& chunk, float* values) {
  const float* const bias = bias_.const_data_ptr<float>() + chunk.begin;
  for (std::int64_t row = 0; row < rows_; ++row) {
    std::copy(bias, bias + chunk.words(), values + row * pitch_of(chunk.words()));
  }
}

/// Sums over rows, not yet divided by their number.
void OutputLayer::add_to_bias(const Chunk& chunk, const float* values) {
  float* const sums = gradients_.bias.data_ptr<float>() + chunk.begin;
  if (first_ == 0) std::fill(sums, sums + chunk.words(), 0.0F);
  std::vector<const float*> rows;
  for (std::int64_t row = 0; row < rows_; ++row) {
    rows.push_back(values + row * pitch_of(chunk.words()));
  }
  std::vector<float> block(static_cast<std::size_t>(chunk.words()));
  scaled_sum(rows.data(), rows.size(), chunk.words(), 1.0F, block.data());
  for (std::size_t word = 0; word < block.size(); ++word) sums[word] += block[word];
}

void OutputLayer::finish_rows(std::int64_t begin, std::int64_t end) {
  for (std::int64_t row = begin; row < end; ++row) {
    double largest = part(0, row).softmax.largest;
    for (std::size_t c = 1; c < chunks_.size(); ++c) {
      largest = std::max(largest, double{part(c, row).softmax.largest});
    }
    double sum = 0.0;
    for (std::size_t c = 0; c < chunks_.size(); ++c) {
      const SoftmaxRow& softmax = part(c, row).softmax;
      sum += softmax.sum * std::exp(softmax.largest - largest);
    }
    losses_[static_cast<std::size_t>(first_ + row)] =
        std::log(sum) + (largest - target_logits_[static_cast<std::size_t>(row)]);
    if (!wants_gradients()) continue;
    for (std::size_t c = 0; c < chunks_.size(); ++c) {
      const double shift = part(c, row).softmax.largest - largest;
      part(c, row).scale = static_cast<float>(std::exp(shift) / sum);
    }
  }
}

void OutputLayer::gradients(std::size_t number) {
  const Chunk& chunk = chunks_[number];
  const std::int64_t words = chunk.words();
  const std::int64_t pitch = pitch_of(words);
  float* const values = logits_at(number);
  for (std::int64_t row = 0; row < rows_; ++row) {
    scale_row(values + row * pitch, words, part(number, row).scale, values + row * pitch);
    const std::int64_t target = targets_[first_ + row];
    if (target >= chunk.begin && target < chunk.end) {
      values[row * pitch + target - chunk.begin] -= 1.0F;
    }
  }
  if (gradients_.bias.defined()) add_to_bias(chunk, values);
  float* const outputs =
      output_parts_.data_ptr<float>() + static_cast<std::int64_t>(number) * output_parts_.stride(0);
  float* const embedding = gradients_.embedding.data_ptr<float>() + chunk.begin * width_;
  const bool accumulate = first_ > 0;
  if (is_rounded()) {
    std::uint16_t* const bits = bits_of(bits_) + at::get_thread_num() * bits_.size(1);
    for (std::int64_t row = 0; row < rows_; ++row) {
      to_bfloat16(values + row * pitch, words, bits + row * words);
    }
    multiply_bfloat16({bits, false, bits_of(factor_embedding_) + chunk.begin * width_, false, rows_,
                       words, width_, outputs, width_, false});
    multiply_bfloat16(
        {bits, true, bits_of(scaled_), false, words, rows_, width_, embedding, width_, accumulate});
    return;
  }
  multiply_panels({{values, pitch, 1},
                   packed_back_.const_data_ptr<float>() + packed_size(chunk.begin, width_),
                   rows_,
                   words,
                   width_,
                   outputs,
                   width_,
                   false});
  multiply_panels({{values, 1, pitch},
                   packed_outputs_.const_data_ptr<float>(),
                   words,
                   rows_,
                   width_,
                   embedding,
                   width_,
                   accumulate});
}

/// The gradient of outputs, divided by the number of rows.
void OutputLayer::add_parts(std::int64_t begin, std::int64_t end) {
  std::vector<const float*> sources;
  for (std::int64_t c = 0; c < output_parts_.size(0); ++c) {
    sources.push_back(output_parts_.const_data_ptr<float>() + c * output_parts_.stride(0) +
                      begin * width_);
  }
  scaled_sum(sources.data(), sources.size(), (end - begin) * width_,
             static_cast<float>(1.0 / static_cast<double>(num_rows_)),
             gradients_.outputs.data_ptr<float>() + (first_ + begin) * width_);
}

}  // namespace

bool has_cross_entropy_rows(const at::Tensor& outputs, const at::Tensor& embedding,
                            Precision precision) {
  return outputs.device().is_cpu() && outputs.scalar_type() == at::kFloat &&
         embedding.scalar_type() == at::kFloat && outputs.size(0) > 0 &&
         (precision == Precision::float32 || has_mixed_product());
}

double cross_entropy_rows(const at::Tensor& outputs, const OutputWeights& weights,
                          const at::Tensor& targets, Workspace& workspace, Precision precision,
                          const CrossEntropyGradients& gradients) {
  return OutputLayer(outputs, weights, targets, workspace, precision, gradients).run();
}

}  // namespace enas::nn
