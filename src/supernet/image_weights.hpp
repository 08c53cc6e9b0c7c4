// SPDX-License-Identifier: Apache-2.0
// The list of weights of a convolutional supernet: how they are called, shaped and initialised.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "space/operation.hpp"
#include "supernet/supernet.hpp"

namespace enas::supernet {

/// Weights in the order in which they are added. Values do not exist until make().
class ImageWeights {
 public:
  /// [out, in, k, k]. `num_blocks`: of that many such weights that are concatenated along `in`.
  void add_convolution(std::string name, std::int64_t out, std::int64_t in, std::int64_t k,
                       std::int64_t num_blocks = 1);
  /// [channels, 1, k, k].
  void add_depthwise(std::string name, std::int64_t channels, std::int64_t k);
  /// [2, channels]: scale and offset.
  void add_norm(std::string name, std::int64_t channels);
  /// "<name>/even" and "<name>/odd" [out/2, in, 1, 1], and "<name>/norm".
  void add_reduction(const std::string& name, std::int64_t out, std::int64_t in);
  /// [out, in], without a bias.
  void add_linear(std::string name, std::int64_t out, std::int64_t in);

  std::vector<WeightShape> shapes() const;
  /// He-normal with the true fan-in; norms 1 and 0. Addressed by name.
  std::vector<Weight> make(std::uint64_t seed) const;

 private:
  struct Entry {
    WeightShape shape;
    std::int64_t fan_in = 0;  // 0 for a norm
  };
  std::vector<Entry> entries_;
};

/// From a weight's name to its number.
class WeightNumbers {
 public:
  WeightNumbers() = default;
  explicit WeightNumbers(const std::vector<Weight>& weights);
  /// Throws ContractError when there is no such weight.
  int operator()(const std::string& name) const;

 private:
  std::unordered_map<std::string, int> numbers_;
};

/// Throw ConfigError, naming the key `supernet.<key>`.
void check_at_least(std::string_view key, std::int64_t value, std::int64_t least);
void check_even(std::string_view key, std::int64_t value);
void check_drop(std::string_view key, double value);
void check_epsilon(std::string_view key, double value);
void check_classes(const DataShape& data);

}  // namespace enas::supernet
