// SPDX-License-Identifier: Apache-2.0
// Minibatches of an image set, normalised and augmented. The same place gives the same batch.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/random.hpp"
#include "data/image_set.hpp"
#include "data/options.hpp"

namespace enas::data {

/// input [B, C, H, W] float32 in channels_last memory, target [B] int64.
struct ImageBatch {
  at::Tensor input;
  at::Tensor target;
};

/// Where a training batch belongs.
struct TrainingPlace {
  std::int64_t round = 0;
  std::int64_t index = 0;  ///< step within the round's pass
  std::int64_t step = 0;   ///< step of the search: addresses the augmentation
  int slot = 0;
  bool operator==(const TrainingPlace&) const = default;
};

class ImageBatches {
 public:
  /// Statistics are those of the training split: mean and standard deviation (of the population)
  /// per channel, from exact integer sums. `set` must outlive this. Throws ConfigError when the
  /// training split has fewer than slots · batch_size images, or pad or cutout are out of range.
  /// `section` of the configuration has slots and batch_size.
  ImageBatches(const ImageSet& set, const AugmentOptions& augment, int slots, int batch_size,
               std::uint64_t seed, std::string_view section = "weights");

  /// Steps of one pass over the training split; the last images of the permutation that do not fill
  /// slots · batch_size are left out.
  std::int64_t steps_in_pass() const;
  /// The slot's batch: images [(index · slots + slot) · batch_size, …) of the round's permutation
  /// (Purpose::image_order, index = round), augmented image by image (Purpose::augmentation, index
  /// = slot, step, tensor = image). Not safe to call from several threads at once.
  ImageBatch training(const TrainingPlace& place) const;
  /// `batch_size` different validation images drawn at (Purpose::reward_batch, index = rollout,
  /// step); never augmented.
  ImageBatch reward(int batch_size, std::uint64_t rollout, std::uint64_t step) const;
  /// Images [begin, begin + count) of the validation or test split in their order; never augmented.
  ImageBatch validation(std::int64_t begin, std::int64_t count) const;
  ImageBatch test(std::int64_t begin, std::int64_t count) const;

  std::span<const double> mean() const { return mean_; }  ///< per channel, of values in [0, 1]
  std::span<const double> standard_deviation() const { return standard_deviation_; }

 private:
  struct Changes;
  void measure();
  void permute(std::int64_t round) const;
  Changes draw_changes(RandomStream stream) const;
  ImageBatch empty_batch(std::int64_t size) const;
  ImageBatch in_order(const ImageSplit& split, std::int64_t begin, std::int64_t count) const;
  /// Writes image `from` of `split`, normalised and changed, as image `to` of the batch.
  void write(const ImageSplit& split, std::size_t from, const Changes& changes, ImageBatch& batch,
             std::int64_t to) const;

  const ImageSet& set_;
  AugmentOptions augment_;
  int slots_;
  int batch_size_;
  std::uint64_t seed_;
  std::vector<double> mean_;
  std::vector<double> standard_deviation_;
  std::vector<std::array<float, 256>> normalised_;  ///< [channel][byte]
  mutable std::int64_t permuted_round_ = -1;
  mutable std::vector<std::uint32_t> permutation_;  ///< of permuted_round_
};

}  // namespace enas::data
