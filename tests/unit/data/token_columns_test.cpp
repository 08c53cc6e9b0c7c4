// SPDX-License-Identifier: Apache-2.0
// Columns, batches and segments: who owns which token, and how many steps a pass has.
#include "data/token_columns.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <numeric>
#include <string>

#include "core/error.hpp"

namespace enas::data {
namespace {

std::vector<std::int32_t> counting_tokens(std::size_t count) {
  std::vector<std::int32_t> tokens(count);
  std::iota(tokens.begin(), tokens.end(), 0);
  return tokens;
}

TEST(TokenColumnsTest, BatchHoldsConsecutiveTokensOfEachColumn) {
  const std::vector<std::int32_t> tokens = counting_tokens(43);
  const TokenColumns columns(tokens, 4,
                             "train");  // columns start at 0, 10, 20, 30; 40..42 are dropped
  EXPECT_EQ(columns.num_columns(), 4);
  EXPECT_EQ(columns.column_length(), 10);

  const TokenBatch batch = columns.batch(1, 2, 3, 4);
  ASSERT_EQ(batch.input.sizes(), (std::vector<std::int64_t>{4, 2}));
  ASSERT_EQ(batch.target.sizes(), (std::vector<std::int64_t>{4, 2}));
  EXPECT_EQ(batch.input.scalar_type(), at::kLong);
  EXPECT_TRUE(batch.input.is_contiguous());
  EXPECT_TRUE(batch.target.is_contiguous());
  for (std::int64_t t = 0; t < 4; ++t) {
    for (std::int64_t b = 0; b < 2; ++b) {
      EXPECT_EQ(batch.input[t][b].item<std::int64_t>(), 10 * (1 + b) + 3 + t);
      EXPECT_EQ(batch.target[t][b].item<std::int64_t>(), 10 * (1 + b) + 4 + t);
    }
  }
}

TEST(TokenColumnsTest, TheLastTokenOfAColumnIsATarget) {
  const std::vector<std::int32_t> tokens = counting_tokens(20);
  const TokenColumns columns(tokens, 2, "train");
  EXPECT_EQ(columns.batch(1, 1, 0, 9).target[8][0].item<std::int64_t>(), 19);
  EXPECT_THROW(columns.batch(0, 1, 0, 10), ContractError);
  EXPECT_THROW(columns.batch(1, 2, 0, 1), ContractError);
  EXPECT_THROW(columns.batch(-1, 1, 0, 1), ContractError);
  EXPECT_THROW(columns.batch(0, 1, -1, 1), ContractError);
}

TEST(TokenColumnsTest, TooFewTokensNameSplitAndNumbers) {
  const std::vector<std::int32_t> tokens = counting_tokens(127);
  EXPECT_NO_THROW(TokenColumns(tokens, 63, "valid"));
  try {
    const TokenColumns columns(tokens, 64, "valid");
    FAIL() << "no error";
  } catch (const InputError& error) {
    const std::string message = error.what();
    EXPECT_EQ(error.code(), ExitCode::bad_data);
    EXPECT_NE(message.find("valid split has 127 tokens"), std::string::npos) << message;
    EXPECT_NE(message.find("enough for 63 columns of two, not for 64"), std::string::npos)
        << message;
  }
}

TEST(SegmentsTest, FixedLengthCountsOfPennTreebank) {
  const SegmentOptions options{.segment_length = 35, .random_length = false};
  EXPECT_EQ(segments_of_pass(options, 929'589 / 64, 1, 0).size(), 414u);
  EXPECT_EQ(segments_of_pass(options, 929'589 / 20, 1, 0).size(), 1327u);
}

TEST(SegmentsTest, FixedLengthNeedsATargetForEveryInput) {
  const SegmentOptions options{.segment_length = 5, .random_length = false};
  const std::vector<Segment> segments = segments_of_pass(options, 16, 1, 0);
  ASSERT_EQ(segments.size(), 3u);
  EXPECT_EQ(segments[2].position, 10);
  EXPECT_EQ(segments[2].length, 5);
  EXPECT_EQ(segments_of_pass(options, 15, 1, 0).size(), 2u);
  EXPECT_EQ(segments_of_pass(options, 6, 1, 0).size(), 1u);
  EXPECT_THROW(segments_of_pass(options, 5, 1, 0), ConfigError);
  EXPECT_THROW(segments_of_pass({.segment_length = 0}, 100, 1, 0), ConfigError);
}

TEST(SegmentsTest, RandomLengthsCoverTheColumnWithoutGaps) {
  const SegmentOptions options{.segment_length = 35, .random_length = true};
  std::int64_t position = 0;
  for (const Segment& segment : segments_of_pass(options, 14'525, 1, 0)) {
    EXPECT_EQ(segment.position, position);
    EXPECT_GE(segment.length, 5);
    position += segment.length;
  }
  EXPECT_LE(position, 14'524);
  EXPECT_GT(position, 14'524 - 5);
}

TEST(SegmentsTest, RandomLengthsHaveTheirDistribution) {
  const SegmentOptions options{.segment_length = 35, .random_length = true};
  std::vector<Segment> segments = segments_of_pass(options, 2'000'000, 1, 0);
  segments.pop_back();  // cut by the column's end
  double sum = 0.0;
  int num_short = 0, num_below_30 = 0;
  for (const Segment& segment : segments) {
    EXPECT_GE(segment.length, 7);  // 17.5 - 10, rounded down
    EXPECT_LE(segment.length, 45);
    sum += static_cast<double>(segment.length);
    num_short += segment.length < 25;
    num_below_30 += segment.length < 30;
  }
  const auto count = static_cast<double>(segments.size());
  // Rounding down takes half a token from 0.95 * 35 + 0.05 * 17.5; one standard error is 0.025
  // tokens.
  EXPECT_NEAR(sum / count, 34.125 - 0.5, 0.1);
  // T/2's range ends at 27.5, of which P(N > 1.5 | |N| < 2) = 0.046 lies above 25; T's range begins
  // at 25.
  EXPECT_NEAR(num_short / count, 0.05 * (1 - 0.046), 0.005);
  EXPECT_NEAR(num_below_30 / count, 0.05 + 0.95 * 0.1424, 0.008);
}

TEST(SegmentsTest, RandomLengthsAreNeverBelowFive) {
  const SegmentOptions options{.segment_length = 8, .random_length = true};
  std::vector<Segment> segments = segments_of_pass(options, 10'000, 1, 0);
  int num_five = 0;
  for (const Segment& segment : segments) {
    EXPECT_GE(segment.length, 5);
    num_five += segment.length == 5;
  }
  EXPECT_GT(num_five, 100);
  EXPECT_EQ(segments_of_pass(options, 6, 1, 0).size(), 1u);
  EXPECT_THROW(segments_of_pass(options, 5, 1, 0), ConfigError);
}

TEST(SegmentsTest, RandomLengthsDependOnSeedAndRoundAlone) {
  const SegmentOptions options{.segment_length = 35, .random_length = true};
  const auto lengths = [&](std::uint64_t seed, std::uint64_t round) {
    std::vector<std::int64_t> all;
    for (const Segment& segment : segments_of_pass(options, 5000, seed, round)) {
      all.push_back(segment.length);
    }
    return all;
  };
  EXPECT_EQ(lengths(1, 0), lengths(1, 0));
  EXPECT_NE(lengths(1, 0), lengths(1, 1));
  EXPECT_NE(lengths(1, 0), lengths(2, 0));
}

}  // namespace
}  // namespace enas::data
