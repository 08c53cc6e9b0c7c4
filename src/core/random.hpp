// SPDX-License-Identifier: Apache-2.0
// Random numbers by Philox 4x64-10 (Salmon et al. 2011), computed from the run's seed and an
// address that says what they are for. There is no state to save, and any rank can compute the
// numbers of any step.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace enas {

/// What a random number is for. Part of the address: never renumber, only append.
enum class Purpose : std::uint64_t {
  supernet_weights = 1,    ///< initial ω, addressed by tensor name
  controller_weights = 2,  ///< initial θ, addressed by tensor name
  children = 3,        ///< children of a weight phase: index = slot, step = first step of the phase
  dropout = 4,         ///< masks: index = slot, step, tensor = which mask
  segment_length = 5,  ///< random BPTT lengths: index = round
  rollout = 6,         ///< children of a controller step: index = rollout, step
  reward_batch = 7,    ///< validation segment of a rollout: index = rollout, step
  validation_children = 8,  ///< children scored at a round's end: index = child, step
  corpus = 9,               ///< the embedded corpus
  sample = 10,              ///< the `sample` subcommand: index = child
  image_order = 11,         ///< permutation of the training images: index = round
  augmentation = 12,        ///< crop, flip, cutout: index = slot, step, tensor = image of the batch
  shapes = 13,              ///< the embedded images: index = split, step = image
  image_split = 14,         ///< permutation before the validation split is taken off
  child_weights = 15,       ///< initial weights of a network of its own, addressed by tensor name
  derived_children = 16,    ///< children of a derivation: index = child
  test = 1000,              ///< tests only
};

/// Where a stream starts. Streams with different addresses are independent.
struct Address {
  Purpose purpose;
  std::uint64_t index = 0;
  std::uint64_t step = 0;
  std::uint64_t tensor = 0;
};

/// `count` addresses from `first` on, each one step or one index further.
std::vector<Address> consecutive_steps(const Address& first, std::int64_t count);
std::vector<Address> consecutive_indices(const Address& first, std::int64_t count);

/// A 64-bit address for a tensor's name (FNV-1a).
std::uint64_t name_address(std::string_view name);

/// The numbers at one address, in order. Cheap to make; copy it to replay.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, const Address& address);

  std::uint64_t next_bits();
  /// Uniform in [0, 1), 53 bits.
  double next_uniform();
  /// Standard normal.
  double next_normal();
  /// Uniform in [0, bound), without bias. bound > 0.
  std::uint64_t next_below(std::uint64_t bound);
  /// Index drawn with the given non-negative weights (need not sum to 1).
  std::size_t next_weighted(std::span<const double> weights);

  /// Fills with uniform values in [low, high).
  void fill_uniform(std::span<float> values, float low, float high);
  /// Fills with normal values of mean 0.
  void fill_normal(std::span<float> values, float standard_deviation);
  /// Fills with 1/keep at probability keep, else 0: an inverted-dropout mask. 0 < keep <= 1.
  void fill_keep_mask(std::span<float> values, double keep);

 private:
  std::array<std::uint64_t, 2> key_;
  std::array<std::uint64_t, 4> counter_;
  std::array<std::uint64_t, 4> block_{};
  int used_ = 4;
};

}  // namespace enas
