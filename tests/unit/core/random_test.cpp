// SPDX-License-Identifier: Apache-2.0
// Known answers, then the distribution and the independence of what is built on them.
#include "core/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "core/error.hpp"

namespace enas {
namespace {

RandomStream make_stream(std::uint64_t seed = 1) {
  return RandomStream(seed, {.purpose = Purpose::test});
}

std::vector<std::uint64_t> first_bits(RandomStream stream, int count) {
  std::vector<std::uint64_t> bits;
  for (int i = 0; i < count; ++i) bits.push_back(stream.next_bits());
  return bits;
}

TEST(Random, GivesThePublishedPhiloxVector) {
  const RandomStream stream(0, {.purpose = static_cast<Purpose>(0)});
  const std::vector<std::uint64_t> expected = {0x16554d9eca36314cU, 0xdb20fe9d672d0fdcU,
                                               0xd7e772cee186176bU, 0x7e68b68aec7ba23bU};
  EXPECT_EQ(first_bits(stream, 4), expected);
}

// From numpy.random.Philox with key {42, 1000} and counters {0 and 1, 5, 7, 3}.
TEST(Random, PutsSeedPurposeAndAddressWhereTheyBelong) {
  const RandomStream stream(42, {.purpose = Purpose::test, .index = 7, .step = 5, .tensor = 3});
  const std::vector<std::uint64_t> expected = {
      0xb7ce5deab4d48725U, 0x707c1fe2e9b6c7b2U, 0xab3d34b266f6b57eU, 0x7098eaacb6b7d5cfU,
      0xb484b55283d45c86U, 0x10c33d8b6d5cae24U, 0x45867b5ace826788U, 0x53b2c0b44ff337e7U};
  EXPECT_EQ(first_bits(stream, 8), expected);
}

TEST(Random, DifferentAddressesGiveDifferentNumbers) {
  std::set<std::uint64_t> seen;
  std::size_t num_streams = 0;
  const auto add = [&](std::uint64_t seed, const Address& address) {
    seen.insert(first_bits(RandomStream(seed, address), 1)[0]);
    ++num_streams;
  };
  for (std::uint64_t i = 0; i < 50; ++i) {
    add(i, {.purpose = Purpose::test});
    add(1000, {.purpose = Purpose::test, .index = i + 1});
    add(1000, {.purpose = Purpose::test, .step = i + 1});
    add(1000, {.purpose = Purpose::test, .tensor = i + 1});
    add(1000, {.purpose = static_cast<Purpose>(i + 1)});
  }
  EXPECT_EQ(seen.size(), num_streams);
}

TEST(Random, ConsecutiveAddressesDifferInStepOrIndexAlone) {
  const Address first{.purpose = Purpose::test, .index = 4, .step = 9, .tensor = 2};
  const auto steps = consecutive_steps(first, 3);
  const auto indices = consecutive_indices(first, 3);
  ASSERT_EQ(steps.size(), 3U);
  ASSERT_EQ(indices.size(), 3U);
  for (std::uint64_t i = 0; i < 3; ++i) {
    const auto bits = [](const Address& address) {
      return first_bits(RandomStream(1, address), 1);
    };
    EXPECT_EQ(bits(steps[i]), bits({Purpose::test, 4, 9 + i, 2})) << i;
    EXPECT_EQ(bits(indices[i]), bits({Purpose::test, 4 + i, 9, 2})) << i;
  }
  EXPECT_TRUE(consecutive_steps(first, 0).empty());
}

TEST(Random, ACopyReplays) {
  RandomStream stream = make_stream();
  stream.next_bits();
  stream.next_normal();
  RandomStream copy = stream;
  std::vector<float> a(13), b(13);
  const auto draw = [](RandomStream& from, std::vector<float>& values) {
    std::vector<double> drawn = {from.next_normal(), from.next_uniform(), from.next_normal(),
                                 static_cast<double>(from.next_below(1000))};
    from.fill_uniform(values, -1, 1);
    drawn.push_back(from.next_normal());
    return drawn;
  };
  EXPECT_EQ(draw(stream, a), draw(copy, b));
  EXPECT_EQ(a, b);
}

TEST(Random, AFillDoesNotDependOnTheWordWhereItBegins) {
  RandomStream one = make_stream();
  RandomStream three = make_stream();
  one.next_bits();
  for (int i = 0; i < 3; ++i) three.next_bits();
  std::vector<float> a(20), b(20);
  one.fill_uniform(a, 0, 1);
  three.fill_uniform(b, 0, 1);
  EXPECT_EQ(a, b);
  EXPECT_EQ(one.next_bits(), three.next_bits());
}

TEST(Random, UniformHasTheRightRangeMeanAndVariance) {
  RandomStream stream = make_stream();
  constexpr int kCount = 200000;
  double sum = 0, squares = 0;
  for (int i = 0; i < kCount; ++i) {
    const double value = stream.next_uniform();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    sum += value;
    squares += (value - 0.5) * (value - 0.5);
  }
  EXPECT_NEAR(sum / kCount, 0.5, 5 * std::sqrt(1.0 / 12 / kCount));
  EXPECT_NEAR(squares / kCount, 1.0 / 12, 0.001);
}

TEST(Random, NormalHasTheRightMomentsAndTails) {
  RandomStream stream = make_stream(2);
  constexpr int kCount = 200000;
  double sum = 0, squares = 0, cubes = 0;
  int beyond_two = 0;
  for (int i = 0; i < kCount; ++i) {
    const double value = stream.next_normal();
    ASSERT_TRUE(std::isfinite(value));
    sum += value;
    squares += value * value;
    cubes += value * value * value;
    beyond_two += std::abs(value) > 2 ? 1 : 0;
  }
  EXPECT_NEAR(sum / kCount, 0, 5 / std::sqrt(kCount));
  EXPECT_NEAR(squares / kCount, 1, 0.02);
  EXPECT_NEAR(cubes / kCount, 0, 0.05);
  EXPECT_NEAR(beyond_two / static_cast<double>(kCount), 0.0455, 0.0025);
}

TEST(Random, NormalFillScalesTheStreamsNormals) {
  RandomStream stream = make_stream();
  RandomStream same = stream;
  std::vector<float> values(7);
  stream.fill_normal(values, 0.25F);
  for (const float value : values) {
    EXPECT_EQ(value, 0.25F * static_cast<float>(same.next_normal()));
  }
  EXPECT_EQ(stream.next_bits(), same.next_bits());
}

TEST(Random, FillUniformStaysInItsRange) {
  RandomStream stream = make_stream();
  std::vector<float> values(100000);
  stream.fill_uniform(values, -0.25F, 0.75F);
  const auto [low, high] = std::ranges::minmax(values);
  EXPECT_GE(low, -0.25F);
  EXPECT_LT(low, -0.249F);
  EXPECT_LT(high, 0.75F);
  EXPECT_GT(high, 0.749F);
  double sum = 0;
  for (const float value : values) sum += value;
  EXPECT_NEAR(sum / static_cast<double>(values.size()), 0.25, 0.005);
}

TEST(Random, FillUniformNeverGivesItsUpperEndEvenWhenRoundingWould) {
  RandomStream stream = make_stream();
  std::vector<float> values(1000);
  const float low = 1.0F, high = std::nextafter(low, 2.0F);
  stream.fill_uniform(values, low, high);
  EXPECT_TRUE(std::ranges::all_of(values, [=](float value) { return value == low; }));
  EXPECT_THROW(stream.fill_uniform(values, 1, 1), ContractError);
}

TEST(Random, FillsOfEveryLengthBeginAlike) {
  RandomStream long_stream = make_stream();
  std::vector<float> longest(40);
  long_stream.fill_uniform(longest, 0, 1);
  for (std::size_t length = 0; length < longest.size(); ++length) {
    RandomStream stream = make_stream();
    std::vector<float> values(length);
    stream.fill_uniform(values, 0, 1);
    EXPECT_TRUE(std::equal(values.begin(), values.end(), longest.begin())) << length;
  }
  EXPECT_EQ(std::set<float>(longest.begin(), longest.end()).size(), longest.size());
}

TEST(Random, KeepMaskHasItsTwoValuesAndItsRate) {
  for (const double keep : {0.25, 0.6, 0.95}) {
    RandomStream stream = make_stream();
    std::vector<float> mask(100000);
    stream.fill_keep_mask(mask, keep);
    const auto kept_value = static_cast<float>(1 / keep);
    const auto num_kept = std::ranges::count(mask, kept_value);
    const auto num_dropped = std::ranges::count(mask, 0.0F);
    const auto size = static_cast<double>(mask.size());
    EXPECT_EQ(num_kept + num_dropped, static_cast<std::ptrdiff_t>(mask.size()));
    const double spread = std::sqrt(keep * (1 - keep) / size);
    EXPECT_NEAR(static_cast<double>(num_kept) / size, keep, 5 * spread);
  }
}

TEST(Random, KeepMaskKeepsAllAtOneAndRefusesZero) {
  RandomStream stream = make_stream();
  std::vector<float> mask(10000);
  stream.fill_keep_mask(mask, 1);
  EXPECT_EQ(std::ranges::count(mask, 1.0F), 10000);
  EXPECT_THROW(stream.fill_keep_mask(mask, 0), ContractError);
  EXPECT_THROW(stream.fill_keep_mask(mask, 1.5), ContractError);
}

TEST(Random, NextBelowIsEven) {
  RandomStream stream = make_stream();
  std::vector<int> counts(7);
  constexpr int kCount = 70000;
  for (int i = 0; i < kCount; ++i) ++counts.at(stream.next_below(counts.size()));
  for (const int count : counts) EXPECT_NEAR(count, 10000, 500);
  EXPECT_EQ(stream.next_below(1), 0U);
  EXPECT_THROW(stream.next_below(0), ContractError);
}

TEST(Random, NextBelowIsUnbiasedForAHugeBound) {
  // A plain remainder would give the lower half twice as often as the upper one.
  RandomStream stream = make_stream();
  const std::uint64_t bound = std::uint64_t{3} << 62;
  int in_lowest_third = 0;
  for (int i = 0; i < 30000; ++i) in_lowest_third += stream.next_below(bound) < bound / 3 ? 1 : 0;
  EXPECT_NEAR(in_lowest_third, 10000, 500);
}

TEST(Random, NextWeightedFollowsTheWeights) {
  RandomStream stream = make_stream();
  const std::vector<double> weights = {0, 1, 0, 5, 2, 0};
  std::vector<int> counts(weights.size());
  for (int i = 0; i < 80000; ++i) ++counts.at(stream.next_weighted(weights));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    EXPECT_NEAR(counts[i], 10000 * weights[i], weights[i] == 0 ? 0 : 600) << i;
  }
}

TEST(Random, NextWeightedRefusesWeightsThatAreNone) {
  RandomStream stream = make_stream();
  EXPECT_THROW(stream.next_weighted({}), ContractError);
  for (const std::vector<double>& weights :
       std::vector<std::vector<double>>{{0, 0}, {1, -1}, {1, NAN}, {1, INFINITY}}) {
    EXPECT_THROW(stream.next_weighted(weights), ContractError);
  }
}

// Vectors published with FNV.
TEST(Random, NameAddressIsFnv1a) {
  EXPECT_EQ(name_address(""), 0xcbf29ce484222325U);
  EXPECT_EQ(name_address("a"), 0xaf63dc4c8601ec8cU);
  EXPECT_EQ(name_address("foobar"), 0x85944171f73967e8U);
  EXPECT_NE(name_address("edge.1.2"), name_address("edge.2.1"));
}

}  // namespace
}  // namespace enas
