// SPDX-License-Identifier: Apache-2.0
// The corpus that a configuration names, batches of its columns, and segments that must fit.
#include "task/language_task.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <numeric>
#include <set>

#include "core/random.hpp"
#include "core/text.hpp"
#include "data/markov_corpus.hpp"
#include "support/thrown.hpp"
#include "unit/io/scratch_folder.hpp"
#include "unit/search/small_settings.hpp"
#include "unit/task/recording_scorer.hpp"

namespace enas::task {
namespace {

/// 20 columns of 30 training tokens; 10 of 13 for rewards and 6 of 21 for round ends.
search::Settings column_settings() {
  search::Settings settings = search::small_settings();
  settings.data.markov = {.vocabulary = 12,
                          .order = 1,
                          .branching = 3,
                          .train_tokens = 600,
                          .valid_tokens = 130,
                          .test_tokens = 50,
                          .seed = 3};
  settings.weights.batch_size = 5;
  settings.weights.segments.segment_length = 7;
  settings.rollout.batch_size = 10;
  settings.rollout.segment_length = 12;
  settings.validation.batch_size = 6;
  return settings;
}

void expect_columns(const nn::Batch& batch, const std::vector<std::int32_t>& tokens,
                    std::int64_t column_length, std::int64_t first_column, std::int64_t position) {
  for (std::int64_t t = 0; t < batch.input.size(0); ++t) {
    for (std::int64_t column = 0; column < batch.input.size(1); ++column) {
      const auto place =
          static_cast<std::size_t>((first_column + column) * column_length + position + t);
      EXPECT_EQ(batch.input[t][column].item<std::int64_t>(), tokens[place]);
      EXPECT_EQ(batch.target[t][column].item<std::int64_t>(), tokens[place + 1]);
    }
  }
}

/// What making the task throws, as an exit code.
ExitCode code_for(const search::Settings& settings) {
  return thrown_code([&] { LanguageTask task(task_options(settings)); });
}

std::string message_for(const search::Settings& settings) {
  return thrown<ConfigError>([&] { LanguageTask task(task_options(settings)); });
}

TEST(LanguageTask, MakesTheMarkovCorpus) {
  const search::Settings settings = column_settings();
  const LanguageTask task(task_options(settings));
  const auto corpus = data::make_markov_corpus(settings.data.markov);
  EXPECT_EQ(task.data_shape().vocabulary_size, 12);
  EXPECT_EQ(task.data_digest(), corpus.digest);
  EXPECT_EQ(task.metric().kind, Metric::Kind::perplexity);
  EXPECT_EQ(task.metric().limit, std::exp(corpus.entropy_rate.value()));
  const std::string text = task.describe_data();
  EXPECT_TRUE(contains(text, "markov: 600/130/50 tokens, vocabulary 12, perplexity floor "))
      << text;
  const double on_valid = std::exp(corpus.valid_text.source_loss.value());
  const double on_test = std::exp(corpus.test_text.source_loss.value());
  EXPECT_TRUE(contains(text, concat(" in expectation; the source itself has ", fixed(on_valid, 3),
                                    " on the validation text, ", fixed(on_test, 3), " on the")))
      << text;
  const Json limits = task.data_facts().at("limit_on_text");
  EXPECT_EQ(limits.at("validation"), on_valid);
  EXPECT_EQ(limits.at("test"), on_test);
  EXPECT_TRUE(task.data_warnings().empty());
}

TEST(LanguageTask, ReadsAFolder) {
  const io::ScratchFolder scratch;
  for (const char* split : {"train", "valid", "test"}) {
    std::ofstream(scratch / (std::string(split) + ".txt")) << "a b\nb c a\n";
  }
  search::Settings settings = search::small_settings(1);
  settings.data.source = DataSource::folder;
  settings.data.path = scratch.path().string();
  settings.weights.batch_size = settings.rollout.batch_size = settings.validation.batch_size = 1;
  settings.weights.segments.segment_length = settings.rollout.segment_length = 3;
  const LanguageTask task(task_options(settings));
  EXPECT_EQ(task.data_shape().vocabulary_size, 4);
  EXPECT_TRUE(
      contains(task.describe_data(), "7/7/7 tokens, vocabulary 4, unknown words 0.0/0.0/0.0 %"));
  EXPECT_FALSE(contains(task.describe_data(), "floor"));
  EXPECT_TRUE(std::isnan(task.metric().limit));
  std::ofstream(scratch / "train.txt") << "a b c <unk>\nb c a\n";
  std::ofstream(scratch / "valid.txt") << "a x\nb c a\n";
  const LanguageTask unknown(task_options(settings));
  EXPECT_TRUE(contains(unknown.describe_data(), "unknown words 14.3/20.0/0.0 %"));
  EXPECT_EQ(unknown.data_facts().at("unknown_words"),
            (Json{{"train", 1.0 / 7}, {"validation", 1.0 / 5}, {"test", 0.0}}));
  EXPECT_EQ(unknown.data_warnings().size(), 2U);
  settings.data.prefix = "big";
  EXPECT_EQ(code_for(settings), ExitCode::missing_input);
  settings.data.prefix = "";
  settings.data.path = (scratch / "nowhere").string();
  EXPECT_EQ(code_for(settings), ExitCode::missing_input);
}

TEST(LanguageTask, ASlotTrainsOnItsColumns) {
  const search::Settings settings = column_settings();
  LanguageTask task(task_options(settings));
  const auto train = data::make_markov_corpus(settings.data.markov).train;
  EXPECT_EQ(task.steps_in_pass(0), 4);  // 29 targets a column
  for (const int slot : {0, 3}) {
    for (const std::int64_t index : {0, 2}) {
      const auto batch = task.training_batch({5, index, 70 + index}, slot);
      EXPECT_EQ(batch.input.sizes(), at::IntArrayRef({7, 5}));
      expect_columns(batch, train, 30, 5 * slot, 7 * index);
    }
  }
}

TEST(LanguageTask, RandomSegmentsFollowTheRound) {
  search::Settings settings = column_settings();
  settings.data.markov.train_tokens = 20 * 200;
  settings.weights.segments = {.segment_length = 20, .random_length = true};
  settings.weights.lr_scales_with_length = true;
  settings.rollout.segment_length = 3;
  LanguageTask task(task_options(settings));
  const auto train = data::make_markov_corpus(settings.data.markov).train;
  std::set<double> factors;
  for (const std::int64_t round : {0, 1, 0}) {
    const auto segments = data::segments_of_pass(settings.weights.segments, 200, 11,
                                                 static_cast<std::uint64_t>(round));
    ASSERT_EQ(task.steps_in_pass(round), static_cast<std::int64_t>(segments.size()));
    for (std::int64_t index = 0; index < task.steps_in_pass(round); ++index) {
      const auto& segment = segments[static_cast<std::size_t>(index)];
      const auto batch = task.training_batch({round, index, 0}, 1);
      EXPECT_EQ(batch.input.size(0), segment.length);
      expect_columns(batch, train, 200, 5, segment.position);
      const double factor = task.lr_factor({round, index, 0});
      EXPECT_NEAR(factor, static_cast<double>(segment.length) / 20.0, 1e-15);
      factors.insert(factor);
    }
  }
  EXPECT_GT(factors.size(), 3U);
  settings.weights.lr_scales_with_length = false;
  EXPECT_EQ(LanguageTask(task_options(settings)).lr_factor({0, 0, 0}), 1.0);
}

TEST(LanguageTask, ScoresRewardsOnASegmentOfTheValidationSplit) {
  search::Settings settings = column_settings();
  const auto valid = data::make_markov_corpus(settings.data.markov).valid;
  const RecordingScorer scorer;
  {
    // 13 tokens a column: 12 and their targets fit at one place only.
    const LanguageTask task(task_options(settings));
    const auto score = task.reward_score(scorer, 2, 40);
    EXPECT_EQ(scorer.calls.front().state_size, 10);
    const auto batch = scorer.calls.front().batch;
    EXPECT_EQ(batch.input.sizes(), at::IntArrayRef({12, 10}));
    expect_columns(batch, valid, 13, 0, 0);
    EXPECT_EQ(batch.target[11][9].item<std::int64_t>(), valid[9 * 13 + 12]);
    EXPECT_EQ(score.count, 120);
    EXPECT_EQ(score.nats, batch.target.sum().item<double>());
  }
  settings.rollout.segment_length = 4;
  const LanguageTask task(task_options(settings));
  std::set<std::int64_t> positions;
  for (int rollout = 0; rollout < 40; ++rollout) {
    scorer.calls.clear();
    task.reward_score(scorer, rollout, 40);
    RandomStream random(11, {Purpose::reward_batch, static_cast<std::uint64_t>(rollout), 40});
    const auto position = static_cast<std::int64_t>(random.next_below(9));
    expect_columns(scorer.calls.front().batch, valid, 13, 0, position);
    positions.insert(position);
  }
  EXPECT_EQ(positions.size(), 9U);  // the last one is 8: its targets end the column
}

TEST(LanguageTask, ValidationCarriesItsStateOverSegments) {
  search::Settings settings = column_settings();
  const auto valid = data::make_markov_corpus(settings.data.markov).valid;
  // 20 targets a column: two segments of 7.
  for (const auto& [batches, expected] :
       std::vector<std::pair<int, int>>{{1, 1}, {2, 2}, {0, 2}, {100, 2}}) {
    settings.validation.batches = batches;
    const LanguageTask task(task_options(settings));
    const RecordingScorer scorer;
    const auto score = task.validation_score(scorer);
    ASSERT_EQ(scorer.calls.size(), static_cast<std::size_t>(expected));
    double nats = 0.0;
    for (int segment = 0; segment < expected; ++segment) {
      const auto& call = scorer.calls[static_cast<std::size_t>(segment)];
      EXPECT_EQ(call.batch.input.sizes(), at::IntArrayRef({7, 6}));
      EXPECT_EQ(call.state_size, 6);
      EXPECT_EQ(call.state, static_cast<float>(segment));
      expect_columns(call.batch, valid, 21, 0, 7 * segment);
      nats += call.batch.target.sum().item<double>();
    }
    EXPECT_EQ(score.count, 42 * expected);
    EXPECT_EQ(score.nats, nats);
    EXPECT_TRUE(contains(task.validation_text(),
                         std::to_string(expected) + " segments of 7 tokens in 6 columns"));
  }
}

TEST(LanguageTask, WholeValidationScoresEveryTokenButTheFirstOnce) {
  search::Settings settings = column_settings();
  for (const int columns : {1, 2, 3, 6}) {  // of 129 targets: 2 and 6 leave some over
    settings.validation.batch_size = columns;
    const LanguageTask task(task_options(settings));
    const auto valid = data::make_markov_corpus(settings.data.markov).valid;
    const RecordingScorer scorer;
    const auto score = task.whole_validation_score(scorer);
    EXPECT_EQ(score.count, 129);
    const std::int64_t sum = std::accumulate(valid.begin() + 1, valid.end(), std::int64_t{0});
    EXPECT_EQ(score.nats, static_cast<double>(sum));
    // Column by column the targets are the split in its order.
    std::vector<std::vector<std::int64_t>> targets(static_cast<std::size_t>(columns));
    for (std::size_t call = 0; call < scorer.calls.size(); ++call) {
      const auto& [batch, state_size, state] = scorer.calls[call];
      EXPECT_EQ(state_size, batch.target.size(1));
      EXPECT_EQ(state, static_cast<float>(call)) << "the state is carried";
      EXPECT_LE(batch.target.size(0), 7);
      for (std::int64_t column = 0; column < batch.target.size(1); ++column) {
        for (std::int64_t t = 0; t < batch.target.size(0); ++t) {
          targets[static_cast<std::size_t>(column)].push_back(
              batch.target[t][column].item<std::int64_t>());
        }
      }
    }
    std::vector<std::int64_t> all;
    for (const auto& column : targets) all.insert(all.end(), column.begin(), column.end());
    EXPECT_TRUE(std::equal(all.begin(), all.end(), valid.begin() + 1, valid.end())) << columns;
    EXPECT_TRUE(contains(task.whole_validation_text(), "all 130 tokens but the first"));
  }
}

TEST(LanguageTask, RewardSegmentMustFit) {
  search::Settings settings = column_settings();
  settings.rollout.segment_length = 13;  // its targets need a 14th token
  const std::string message = message_for(settings);
  EXPECT_TRUE(contains(message, "segment_length = 13")) << message;
  EXPECT_TRUE(contains(message, "13 tokens a column")) << message;
}

TEST(LanguageTask, ValidationSegmentMustFit) {
  search::Settings settings = column_settings();
  settings.weights.segments.segment_length = 20;
  EXPECT_EQ(message_for(settings), "");
  settings.weights.segments.segment_length = 21;
  const std::string message = message_for(settings);
  EXPECT_TRUE(contains(message, "weights.segment_length = 21")) << message;
  EXPECT_TRUE(contains(message, "validation.batch_size = 6")) << message;
}

TEST(LanguageTask, TrainingSegmentMustFit) {
  search::Settings settings = column_settings();
  settings.weights.batch_size = 20;  // 80 columns of 7 tokens; a segment and its targets need 8
  EXPECT_EQ(code_for(settings), ExitCode::bad_data);
}

TEST(LanguageTask, EverySplitNeedsTwoTokensAColumn) {
  search::Settings settings = column_settings();
  settings.weights.slots = 200;
  EXPECT_TRUE(
      contains(thrown<InputError>([&] { LanguageTask task(task_options(settings)); }), "train"));
}

}  // namespace
}  // namespace enas::task
