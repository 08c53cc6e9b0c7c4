// SPDX-License-Identifier: Apache-2.0
// The embedded corpus: its shape, and that it depends on its options alone.
#include "data/markov_corpus.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.hpp"
#include "data/markov_source.hpp"

namespace enas::data {
namespace {

const MarkovOptions kSmall = {
    .vocabulary = 12, .train_tokens = 900, .valid_tokens = 80, .test_tokens = 70, .seed = 4};

TEST(MarkovCorpusTest, HasTheShapeAskedFor) {
  const Corpus corpus = make_markov_corpus(kSmall);
  EXPECT_EQ(corpus.name, "markov");
  EXPECT_EQ(corpus.vocabulary_size(), 12);
  EXPECT_EQ(corpus.vocabulary.front(), "w00");
  EXPECT_EQ(corpus.vocabulary.back(), "w11");
  EXPECT_TRUE(std::is_sorted(corpus.vocabulary.begin(), corpus.vocabulary.end()));
  EXPECT_EQ(corpus.train.size(), 900u);
  EXPECT_EQ(corpus.valid.size(), 80u);
  EXPECT_EQ(corpus.test.size(), 70u);
  for (const auto* split : {&corpus.train, &corpus.valid, &corpus.test}) {
    const auto [low, high] = std::minmax_element(split->begin(), split->end());
    EXPECT_GE(*low, 0);
    EXPECT_LT(*high, 12);
  }
  EXPECT_EQ(make_markov_corpus({.vocabulary = 11}).vocabulary.back(), "w10");
  EXPECT_EQ(make_markov_corpus({.vocabulary = 10}).vocabulary.back(), "w9");
}

TEST(MarkovCorpusTest, SplitsFollowTheTablesOfItsSource) {
  const Corpus corpus = make_markov_corpus(kSmall);
  const MarkovSource source(kSmall);
  EXPECT_EQ(corpus.entropy_rate, source.entropy_rate());
  for (const auto* split : {&corpus.train, &corpus.valid, &corpus.test}) {
    for (std::size_t i = 2; i < split->size(); ++i) {
      ASSERT_GT(source.probability(std::span(*split).first(i), (*split)[i]), 0.0);
    }
  }
}

TEST(MarkovCorpusTest, SaysWhatTheSourceItselfLosesOnEachText) {
  const Corpus corpus = make_markov_corpus(kSmall);
  const MarkovSource source(kSmall);
  for (const auto& [tokens, text] :
       {std::pair{&corpus.valid, &corpus.valid_text}, std::pair{&corpus.test, &corpus.test_text}}) {
    double sum = 0.0;
    for (std::size_t i = 2; i < tokens->size(); ++i) {
      sum -= std::log(source.probability(std::span(*tokens).first(i), (*tokens)[i]));
    }
    EXPECT_NEAR(text->source_loss.value(), sum / static_cast<double>(tokens->size() - 2), 1e-12);
    EXPECT_NE(*text->source_loss, *corpus.entropy_rate) << "a text is not the expectation";
  }
}

TEST(MarkovCorpusTest, SameOptionsSameCorpus) {
  const Corpus corpus = make_markov_corpus(kSmall);
  const Corpus again = make_markov_corpus(kSmall);
  EXPECT_EQ(again.train, corpus.train);
  EXPECT_EQ(again.valid, corpus.valid);
  EXPECT_EQ(again.test, corpus.test);
  EXPECT_EQ(again.digest, corpus.digest);
  EXPECT_EQ(corpus.digest, digest_corpus(corpus));
}

TEST(MarkovCorpusTest, AnotherSeedIsAnotherSource) {
  MarkovOptions options = kSmall;
  options.seed = 5;
  const Corpus corpus = make_markov_corpus(kSmall);
  const Corpus other = make_markov_corpus(options);
  EXPECT_NE(other.digest, corpus.digest);
  EXPECT_NE(other.train, corpus.train);
  EXPECT_NE(other.entropy_rate, corpus.entropy_rate);
}

TEST(MarkovCorpusTest, SplitsAreIndependentTexts) {
  const Corpus corpus = make_markov_corpus(kSmall);
  EXPECT_FALSE(std::equal(corpus.valid.begin(), corpus.valid.end(), corpus.train.begin()));
  EXPECT_FALSE(std::equal(corpus.test.begin(), corpus.test.end(), corpus.valid.begin()));
}

TEST(MarkovCorpusTest, MoreTokensContinueTheSameText) {
  MarkovOptions options = kSmall;
  options.train_tokens = 1000;
  const Corpus corpus = make_markov_corpus(kSmall);
  const Corpus longer = make_markov_corpus(options);
  EXPECT_TRUE(std::equal(corpus.train.begin(), corpus.train.end(), longer.train.begin()));
  EXPECT_EQ(longer.valid, corpus.valid);
}

TEST(MarkovCorpusTest, RefusesSplitsShorterThanAContext) {
  MarkovOptions options = kSmall;
  options.valid_tokens = 2;
  try {
    make_markov_corpus(options);
    FAIL() << "no error";
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("valid_tokens = 2"), std::string::npos);
  }
  options.valid_tokens = -1;
  EXPECT_THROW(make_markov_corpus(options), ConfigError);
}

}  // namespace
}  // namespace enas::data
