// SPDX-License-Identifier: Apache-2.0
// Cuts splits into columns, columns into segments, and fills the tensors of a batch.
#include "data/token_columns.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "core/random.hpp"
#include "core/text.hpp"

namespace enas::data {
namespace {

constexpr std::int64_t kMinRandomLength = 5;
constexpr double kLengthDeviation = 5.0;

std::int64_t draw_length(RandomStream& stream, int segment_length) {
  const double mean = stream.next_uniform() < 0.95 ? segment_length : segment_length / 2.0;
  double normal = stream.next_normal();
  while (std::abs(normal) > 2.0) normal = stream.next_normal();
  return std::max(kMinRandomLength, static_cast<std::int64_t>(mean + kLengthDeviation * normal));
}

}  // namespace

TokenColumns::TokenColumns(std::span<const std::int32_t> tokens, int num_columns,
                           const char* split_name, std::string_view keys)
    : tokens_(tokens), num_columns_(num_columns) {
  expect(num_columns >= 1, "at least one column");
  column_length_ = static_cast<std::int64_t>(tokens.size()) / num_columns;
  if (column_length_ >= 2) return;
  if (tokens.size() < 2) {
    throw InputError(concat("the ", split_name, " split has ", tokens.size(),
                            " tokens, and at least 2 are needed: the text has to be longer"));
  }
  throw InputError(concat("the ", split_name, " split has ", tokens.size(), " tokens, enough for ",
                          tokens.size() / 2, " columns of two, not for ", num_columns,
                          keys.empty() ? "" : concat(": lower ", keys)));
}

TokenBatch TokenColumns::batch(int first_column, int num_columns, std::int64_t position,
                               std::int64_t length) const {
  expect(first_column >= 0 && num_columns >= 1 && first_column + num_columns <= num_columns_,
         "columns of the batch are columns of the split");
  expect(position >= 0 && length >= 1 && position + length + 1 <= column_length_,
         "the batch and its targets lie inside the columns");
  at::Tensor window = at::empty({length + 1, num_columns}, at::kLong);  // [T + 1, B]
  auto* out = window.data_ptr<std::int64_t>();
  for (std::int64_t column = 0; column < num_columns; ++column) {
    const std::int32_t* in = tokens_.data() + (first_column + column) * column_length_ + position;
    for (std::int64_t t = 0; t <= length; ++t) out[t * num_columns + column] = in[t];
  }
  // Inputs and targets are views of the same numbers; targets begin one row later.
  return {window.narrow(0, 0, length), window.narrow(0, 1, length)};
}

WholeColumns::WholeColumns(std::span<const std::int32_t> tokens, int num_columns)
    : tokens_(tokens), num_columns_(num_columns) {
  const auto num_targets = static_cast<std::int64_t>(tokens.size()) - 1;
  expect(num_columns >= 1 && num_targets >= num_columns, "every column has a step");
  length_ = num_targets / num_columns;
  num_longer_ = static_cast<int>(num_targets % num_columns);
}

TokenBatch WholeColumns::batch(std::int64_t position, std::int64_t length) const {
  expect(position >= 0 && length >= 1 && position + length <= length_,
         "the batch lies inside all columns");
  return window(num_columns_, position, length);
}

TokenBatch WholeColumns::last_step() const {
  expect(num_longer_ > 0, "some columns are longer");
  return window(num_longer_, length_, 1);
}

TokenBatch WholeColumns::window(int num_columns, std::int64_t position, std::int64_t length) const {
  at::Tensor tokens = at::empty({length + 1, num_columns}, at::kLong);  // [T + 1, B]
  auto* out = tokens.data_ptr<std::int64_t>();
  for (std::int64_t column = 0; column < num_columns; ++column) {
    const std::int64_t start = column * length_ + std::min<std::int64_t>(column, num_longer_);
    const std::int32_t* in = tokens_.data() + start + position;
    for (std::int64_t t = 0; t <= length; ++t) out[t * num_columns + column] = in[t];
  }
  return {tokens.narrow(0, 0, length), tokens.narrow(0, 1, length)};
}

std::vector<Segment> segments_of_pass(const SegmentOptions& options, std::int64_t column_length,
                                      std::uint64_t seed, std::uint64_t round) {
  const std::int64_t num_inputs = column_length - 1;  // the last token is only a target
  const std::int64_t needed = options.random_length ? kMinRandomLength : options.segment_length;
  if (options.segment_length < 1 || num_inputs < needed) {
    const std::string key = options.key;
    const std::string section = key.substr(0, key.find('.'));
    const std::string too_short =
        concat("columns of ", column_length, " tokens are too short for ");
    const std::string fewer_columns = concat(section, ".batch_size or ", section, ".slots");
    throw ConfigError(options.random_length
                          ? concat(too_short, section, ".random_length, whose segments have ",
                                   kMinRandomLength, " tokens or more and their targets: lower ",
                                   fewer_columns, ", or set ", section,
                                   ".random_length = false and ", key, " to at most ", num_inputs)
                          : concat(too_short, "segments of ", key, " = ", options.segment_length,
                                   " and their targets: set ", key, " to at most ", num_inputs,
                                   ", or lower ", fewer_columns));
  }
  std::vector<Segment> segments;
  RandomStream stream(seed, {.purpose = Purpose::segment_length, .index = round});
  for (std::int64_t position = 0; num_inputs - position >= needed;) {
    const std::int64_t length =
        options.random_length
            ? std::min(draw_length(stream, options.segment_length), num_inputs - position)
            : options.segment_length;
    segments.push_back({position, length});
    position += length;
  }
  return segments;
}

}  // namespace enas::data
