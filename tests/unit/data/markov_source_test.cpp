// SPDX-License-Identifier: Apache-2.0
// The Markov source: valid tables, an entropy rate that independent arithmetic and its own text
// agree with.
#include "data/markov_source.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>

#include "core/error.hpp"

namespace enas::data {
namespace {

using Tokens = std::vector<std::int32_t>;

Tokens draw(const MarkovSource& source, std::size_t length, std::uint64_t seed) {
  RandomStream stream(seed, {.purpose = Purpose::test});
  return source.draw(length, stream);
}

/// Mean of -log p(word | order words before it) over parts of the text, and its standard error.
struct Loss {
  double mean;
  double standard_error;
};

Loss loss_under_tables(const MarkovSource& source, const Tokens& tokens, std::size_t order) {
  constexpr std::size_t kParts = 100;
  const std::size_t length = (tokens.size() - order) / kParts;
  double sum = 0.0, square_sum = 0.0;
  for (std::size_t part = 0; part < kParts; ++part) {
    double part_sum = 0.0;
    for (std::size_t i = 0; i < length; ++i) {
      const std::size_t at = order + part * length + i;
      const std::span<const std::int32_t> history(tokens.data(), at);
      part_sum -= std::log(source.probability(history, tokens[at]));
    }
    const double mean = part_sum / static_cast<double>(length);
    sum += mean;
    square_sum += mean * mean;
  }
  const double mean = sum / kParts;
  return {mean, std::sqrt((square_sum / kParts - mean * mean) / (kParts - 1))};
}

/// Loss of the best model that sees `memory` words, by counting.
double counted_loss(const Tokens& tokens, std::size_t memory) {
  std::map<Tokens, double> contexts, grams;
  for (std::size_t i = memory; i < tokens.size(); ++i) {
    const auto at = tokens.begin() + static_cast<std::ptrdiff_t>(i);
    ++contexts[Tokens(at - static_cast<std::ptrdiff_t>(memory), at)];
    ++grams[Tokens(at - static_cast<std::ptrdiff_t>(memory), at + 1)];
  }
  double sum = 0.0;
  for (const auto& [gram, count] : grams) {
    sum -= count * std::log(count / contexts[Tokens(gram.begin(), gram.end() - 1)]);
  }
  return sum / static_cast<double>(tokens.size() - memory);
}

TEST(MarkovSourceTest, ContextsHaveBranchingSuccessorsThatSumToOne) {
  const MarkovSource source({.vocabulary = 9, .order = 2, .branching = 3, .seed = 5});
  for (std::int32_t first = 0; first < 9; ++first) {
    for (std::int32_t second = 0; second < 9; ++second) {
      const std::array history{first, second};
      int successors = 0;
      double sum = 0.0;
      for (std::int32_t word = 0; word < 9; ++word) {
        const double probability = source.probability(history, word);
        successors += probability > 0.0;
        sum += probability;
      }
      EXPECT_EQ(successors, 3);
      EXPECT_NEAR(sum, 1.0, 1e-14);
    }
  }
}

TEST(MarkovSourceTest, OnlyTheLastOrderWordsMatter) {
  const MarkovSource source({.vocabulary = 9, .order = 2, .branching = 3, .seed = 5});
  const Tokens short_history{4, 7}, long_history{1, 2, 4, 7}, swapped{7, 4};
  bool order_matters = false;
  for (std::int32_t word = 0; word < 9; ++word) {
    EXPECT_EQ(source.probability(short_history, word), source.probability(long_history, word));
    order_matters |= source.probability(short_history, word) != source.probability(swapped, word);
  }
  EXPECT_TRUE(order_matters);
}

// Five words with two successors each: among 30,000 such chains are some with several closed
// classes behind transient words, and some with period two. Squaring the lazy transition matrix 40
// times gives the stationary distribution of the class that the text is in.
TEST(MarkovSourceTest, EntropyRateAgreesWithMatrixPowers) {
  constexpr std::size_t kWords = 5;
  using Matrix = std::array<std::array<double, kWords>, kWords>;
  for (std::uint64_t seed = 1; seed <= 30'000; ++seed) {
    const MarkovSource source({.vocabulary = kWords, .order = 1, .branching = 2, .seed = seed});
    Matrix power{};
    std::array<double, kWords> entropy{};
    for (std::int32_t from = 0; from < 5; ++from) {
      const auto row = static_cast<std::size_t>(from);
      power[row][row] = 0.5;
      for (std::int32_t to = 0; to < 5; ++to) {
        const double p = source.probability(std::array{from}, to);
        power[row][static_cast<std::size_t>(to)] += 0.5 * p;
        if (p > 0.0) entropy[row] -= p * std::log(p);
      }
    }
    for (int squaring = 0; squaring < 40; ++squaring) {
      Matrix square{};
      for (std::size_t i = 0; i < kWords; ++i) {
        double sum = 0.0;
        for (std::size_t j = 0; j < kWords; ++j) {
          for (std::size_t k = 0; k < kWords; ++k) square[i][j] += power[i][k] * power[k][j];
          sum += square[i][j];
        }
        for (double& value : square[i]) value /= sum;
      }
      power = square;
    }
    const auto start = static_cast<std::size_t>(draw(source, 1, seed).front());
    double expected = 0.0;
    for (std::size_t i = 0; i < kWords; ++i) expected += power[start][i] * entropy[i];
    ASSERT_NEAR(source.entropy_rate(), expected, 1e-9) << "seed " << seed;
  }
}

TEST(MarkovSourceTest, TextHasTheEntropyRate) {
  for (const int order : {1, 2, 3}) {
    const MarkovSource source({.vocabulary = 20, .order = order, .branching = 4, .seed = 3});
    const Tokens tokens = draw(source, 400'000, 1);
    const Loss loss = loss_under_tables(source, tokens, static_cast<std::size_t>(order));
    EXPECT_LT(loss.standard_error, 0.003);
    EXPECT_NEAR(loss.mean, source.entropy_rate(), 4.0 * loss.standard_error) << "order " << order;
  }
}

TEST(MarkovSourceTest, LessMemoryIsMuchWorse) {
  const MarkovSource source({.vocabulary = 50, .order = 2, .branching = 4, .seed = 1});
  const Tokens tokens = draw(source, 400'000, 1);
  const double none = counted_loss(tokens, 0);
  const double one = counted_loss(tokens, 1);
  const double two = counted_loss(tokens, 2);
  EXPECT_LT(none, std::log(50.0));
  EXPECT_GT(none, one + 0.2);
  EXPECT_GT(one, two + 1.0);
  EXPECT_NEAR(two, source.entropy_rate(), 0.02);
}

TEST(MarkovSourceTest, OptionsOutOfRange) {
  const auto message = [](const MarkovOptions& options) -> std::string {
    try {
      MarkovSource source(options);
    } catch (const ConfigError& error) {
      EXPECT_EQ(error.code(), ExitCode::bad_data);
      return error.what();
    }
    return "no error";
  };
  const auto contains = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_PRED2(contains, message({.order = 0}), "order = 0");
  EXPECT_PRED2(contains, message({.order = 4}), "1 to 3");
  EXPECT_PRED2(contains, message({.vocabulary = 1}), "vocabulary = 1");
  EXPECT_PRED2(contains, message({.branching = 1}), "branching = 1");
  EXPECT_PRED2(contains, message({.vocabulary = 5, .branching = 6}), "2 to 5");
  EXPECT_PRED2(contains, message({.vocabulary = 1001, .order = 2}), "1002001 contexts");
  EXPECT_PRED2(contains, message({.vocabulary = 1'000'000, .order = 3}), "vocabulary^order");
  EXPECT_PRED2(contains, message({.vocabulary = 1000, .order = 2, .branching = 11}), "10000000");
}

}  // namespace
}  // namespace enas::data
