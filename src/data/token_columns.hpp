// SPDX-License-Identifier: Apache-2.0
// A split cut into columns, and the segments of time steps that steps are trained and scored on.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace enas::data {

/// One batch of a language model. Both [T, B] int64; targets are the inputs one token later.
struct TokenBatch {
  at::Tensor input;
  at::Tensor target;
};

/// A split cut into `num_columns` columns of floor(n / num_columns) tokens; what is left over is
/// dropped. Keeps a reference to the tokens.
class TokenColumns {
 public:
  /// Throws InputError when a column would hold fewer than two tokens; `keys`, where there are any,
  /// are those whose product is `num_columns`.
  TokenColumns(std::span<const std::int32_t> tokens, int num_columns, const char* split_name,
               std::string_view keys = "");

  int num_columns() const { return num_columns_; }
  /// Tokens in a column.
  std::int64_t column_length() const { return column_length_; }
  /// The batch of `num_columns` columns from `first_column`, inputs at [position, position +
  /// length). Needs position + length + 1 <= column_length().
  TokenBatch batch(int first_column, int num_columns, std::int64_t position,
                   std::int64_t length) const;

 private:
  std::span<const std::int32_t> tokens_;
  int num_columns_;
  std::int64_t column_length_;
};

/// Where the segments of one pass lie in a column.
struct Segment {
  std::int64_t position = 0;
  std::int64_t length = 0;
};

struct SegmentOptions {
  int segment_length = 35;  ///< T
  /// Draw lengths around segment_length as the authors' enas_lm does: with probability 0.95 mean T,
  /// else T/2; normal with standard deviation 5, redrawn outside two deviations, rounded down, at
  /// least 5.
  bool random_length = false;
};

/// The segments of one pass over columns of `column_length` tokens. Fixed length: floor((length -
/// 1) / T) segments of exactly T. Random: lengths drawn at (segment_length, index = round) until
/// fewer than 5 tokens are left; the same for all slots. Throws ConfigError when not even one
/// segment fits.
std::vector<Segment> segments_of_pass(const SegmentOptions& options, std::int64_t column_length,
                                      std::uint64_t seed, std::uint64_t round);

}  // namespace enas::data
