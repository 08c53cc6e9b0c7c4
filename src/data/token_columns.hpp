// SPDX-License-Identifier: Apache-2.0
// A split cut into columns, and the segments of time steps that steps are trained and scored on.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "data/options.hpp"

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

/// All of a split but its first token as targets, in `num_columns` columns: each begins where the
/// one before ends, and the first `num_longer()` ones are a step longer than the others. Keeps a
/// reference to the tokens.
class WholeColumns {
 public:
  /// Needs more tokens than columns.
  WholeColumns(std::span<const std::int32_t> tokens, int num_columns);

  int num_columns() const { return num_columns_; }
  /// Steps that all columns have.
  std::int64_t length() const { return length_; }
  /// Columns that have one step more.
  int num_longer() const { return num_longer_; }
  /// The batch of all columns, inputs at [position, position + length) of each; needs position +
  /// length <= length().
  TokenBatch batch(std::int64_t position, std::int64_t length) const;
  /// The last step of the longer columns; there must be one.
  TokenBatch last_step() const;

 private:
  TokenBatch window(int num_columns, std::int64_t position, std::int64_t length) const;

  std::span<const std::int32_t> tokens_;
  int num_columns_;
  std::int64_t length_;
  int num_longer_;
};

/// Where the segments of one pass lie in a column.
struct Segment {
  std::int64_t position = 0;
  std::int64_t length = 0;
};

/// The segments of one pass over columns of `column_length` tokens. Fixed length: floor((length -
/// 1) / T) segments of exactly T. Random: lengths drawn at (segment_length, index = round) until
/// fewer than 5 tokens are left; the same for all slots. Throws ConfigError when not even one
/// segment fits.
std::vector<Segment> segments_of_pass(const SegmentOptions& options, std::int64_t column_length,
                                      std::uint64_t seed, std::uint64_t round);

}  // namespace enas::data
