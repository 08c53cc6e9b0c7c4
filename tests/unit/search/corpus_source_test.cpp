// SPDX-License-Identifier: Apache-2.0
// The corpus that a configuration names, and segments that must fit into it.
#include "search/corpus_source.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "unit/io/scratch_folder.hpp"
#include "unit/search/thrown.hpp"

namespace enas::search {
namespace {

Settings small_settings() {
  Settings settings;
  settings.data.source = DataSource::markov;
  settings.data.markov = {.vocabulary = 12,
                          .order = 1,
                          .branching = 3,
                          .train_tokens = 600,
                          .valid_tokens = 130,
                          .test_tokens = 50,
                          .seed = 3};
  settings.weights.slots = 4;
  settings.weights.batch_size = 5;
  settings.weights.segments.segment_length = 7;
  settings.rollout.batch_size = 10;
  settings.rollout.segment_length = 12;
  settings.validation.batch_size = 6;
  return settings;
}

TEST(CorpusSource, MakesTheMarkovCorpus) {
  const auto corpus = load_corpus(small_settings().data);
  EXPECT_EQ(corpus.train.size(), 600U);
  EXPECT_EQ(corpus.vocabulary_size(), 12);
  const std::string text = describe(corpus);
  EXPECT_TRUE(contains(text, "markov: 600/130/50 tokens, vocabulary 12, perplexity floor "))
      << text;
}

TEST(CorpusSource, ReadsAFolder) {
  const io::ScratchFolder scratch;
  for (const char* split : {"train", "valid", "test"}) {
    std::ofstream(scratch / (std::string(split) + ".txt")) << "a b\nb c a\n";
  }
  DataOptions options;
  options.path = scratch.path().string();
  const auto corpus = load_corpus(options);
  EXPECT_EQ(corpus.vocabulary_size(), 4);
  EXPECT_TRUE(contains(describe(corpus), "7/7/7 tokens, vocabulary 4"));
  EXPECT_FALSE(contains(describe(corpus), "floor"));
  options.path = (scratch / "nowhere").string();
  EXPECT_EQ(thrown_code([&] { load_corpus(options); }), ExitCode::missing_input);
}

TEST(CorpusSource, CutsColumnsForEachUse) {
  const Settings settings = small_settings();
  const auto corpus = load_corpus(settings.data);
  const CorpusColumns columns(corpus, settings);
  EXPECT_EQ(columns.train.num_columns(), 20);
  EXPECT_EQ(columns.train.column_length(), 30);
  EXPECT_EQ(columns.reward.num_columns(), 10);
  EXPECT_EQ(columns.reward.column_length(), 13);
  EXPECT_EQ(columns.validation.num_columns(), 6);
  EXPECT_EQ(columns.validation.column_length(), 21);
  const auto batch = columns.reward.batch(0, 10, 0, settings.rollout.segment_length);
  EXPECT_EQ(batch.target[11][9].item<std::int64_t>(), corpus.valid[9 * 13 + 12]);
}

TEST(CorpusSource, RewardSegmentMustFit) {
  Settings settings = small_settings();
  const auto corpus = load_corpus(settings.data);
  settings.rollout.segment_length = 13;  // its targets need a 14th token
  const std::string message = thrown<ConfigError>([&] { CorpusColumns(corpus, settings); });
  EXPECT_TRUE(contains(message, "segment_length = 13")) << message;
  EXPECT_TRUE(contains(message, "13 tokens a column")) << message;
}

TEST(CorpusSource, ValidationSegmentMustFit) {
  Settings settings = small_settings();
  const auto corpus = load_corpus(settings.data);
  settings.weights.segments.segment_length = 20;
  EXPECT_EQ(thrown<ConfigError>([&] { CorpusColumns(corpus, settings); }), "");
  settings.weights.segments.segment_length = 21;
  const std::string message = thrown<ConfigError>([&] { CorpusColumns(corpus, settings); });
  EXPECT_TRUE(contains(message, "weights.segment_length = 21")) << message;
  EXPECT_TRUE(contains(message, "validation.batch_size = 6")) << message;
}

TEST(CorpusSource, TrainingSegmentMustFit) {
  Settings settings = small_settings();
  const auto corpus = load_corpus(settings.data);
  settings.weights.batch_size = 20;  // 80 columns of 7 tokens; a segment and its targets need 8
  EXPECT_EQ(thrown_code([&] { CorpusColumns(corpus, settings); }), ExitCode::bad_data);
}

TEST(CorpusSource, EverySplitNeedsTwoTokensAColumn) {
  Settings settings = small_settings();
  const auto corpus = load_corpus(settings.data);
  settings.weights.slots = 200;
  EXPECT_TRUE(contains(thrown<InputError>([&] { CorpusColumns(corpus, settings); }), "train"));
}

}  // namespace
}  // namespace enas::search
