// SPDX-License-Identifier: Apache-2.0
#include "task/language_task.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "core/random.hpp"
#include "core/text.hpp"
#include "data/markov_corpus.hpp"

namespace enas::task {

namespace {

data::Corpus load_corpus(const DataOptions& options) {
  return options.source == DataSource::markov ? data::make_markov_corpus(options.markov)
                                              : data::read_corpus(options.path, options.prefix);
}

nn::Batch to_batch(data::TokenBatch tokens) {
  return {std::move(tokens.input), std::move(tokens.target)};
}

/// "4.8": the share of words that are unknown.
std::string percent(const data::SplitText& text) { return fixed(100.0 * text.unknown_share(), 1); }

/// Of the source that the text was drawn from.
double source_perplexity(const data::SplitText& text) { return std::exp(text.source_loss.value()); }

}  // namespace

LanguageTask::LanguageTask(const Options& options)
    : options_(options),
      corpus_(load_corpus(options.data)),
      metric_{Metric::Kind::perplexity,
              std::exp(corpus_.entropy_rate.value_or(std::numeric_limits<double>::quiet_NaN())),
              "expected floor"},
      train_(
          corpus_.train, options.training.slots * options.training.batch_size, "train",
          concat(options.training.section, ".slots or ", options.training.section, ".batch_size")),
      reward_(corpus_.valid, options.reward.batch_size, "valid", "controller.batch_size"),
      validation_(corpus_.valid, options.validation.batch_size, "valid", "validation.batch_size") {
  check_segments();
  validation_segments_ = data::segments_of_pass({options.training.segments.segment_length, false},
                                                validation_.column_length(), 0, 0);
  const auto limit = static_cast<std::size_t>(options.validation.batches);
  if (limit > 0 && validation_segments_.size() > limit) validation_segments_.resize(limit);
}

void LanguageTask::check_segments() const {
  segments(0);  // throws when not even one segment fits
  if (reward_.column_length() <= options_.reward.segment_length) {
    throw ConfigError(
        concat("a reward segment of controller.segment_length = ", options_.reward.segment_length,
               " does not fit: the validation split in controller.batch_size = ",
               options_.reward.batch_size, " columns has ", reward_.column_length(),
               " tokens a column: set controller.segment_length to at most ",
               reward_.column_length() - 1, " or lower controller.batch_size"));
  }
  const data::SegmentOptions& segments = options_.training.segments;
  if (validation_.column_length() <= segments.segment_length) {
    const bool is_one = validation_.num_columns() == 1;  // as in a training
    throw ConfigError(concat(
        "a segment of ", segments.key, " = ", segments.segment_length,
        " does not fit: the validation split",
        is_one ? "" : concat(" in validation.batch_size = ", validation_.num_columns(), " columns"),
        " has ", validation_.column_length(), " tokens a column: set ", segments.key,
        " to at most ", validation_.column_length() - 1,
        is_one ? "" : " or lower validation.batch_size"));
  }
}

std::string LanguageTask::describe_data() const {
  const std::string text =
      concat(corpus_.name, ": ", corpus_.train.size(), "/", corpus_.valid.size(), "/",
             corpus_.test.size(), " tokens, vocabulary ", corpus_.vocabulary_size());
  if (!corpus_.entropy_rate) {
    return concat(text, ", unknown words ", percent(corpus_.train_text), "/",
                  percent(corpus_.valid_text), "/", percent(corpus_.test_text), " %");
  }
  return concat(text, ", perplexity floor ", fixed(metric_.limit, 3),
                " in expectation; the source itself has ",
                fixed(source_perplexity(corpus_.valid_text), 3), " on the validation text, ",
                fixed(source_perplexity(corpus_.test_text), 3), " on the test text");
}

std::vector<std::string> LanguageTask::data_warnings() const {
  return data::corpus_warnings(corpus_);
}

Json LanguageTask::data_facts() const {
  if (corpus_.entropy_rate) {
    return {{"limit_on_text",
             {{"validation", source_perplexity(corpus_.valid_text)},
              {"test", source_perplexity(corpus_.test_text)}}}};
  }
  return {{"unknown_words",
           {{"train", corpus_.train_text.unknown_share()},
            {"validation", corpus_.valid_text.unknown_share()},
            {"test", corpus_.test_text.unknown_share()}}}};
}

const std::vector<data::Segment>& LanguageTask::segments(std::int64_t round) const {
  if (round != segments_round_) {
    segments_ = data::segments_of_pass(options_.training.segments, train_.column_length(),
                                       options_.seed, static_cast<std::uint64_t>(round));
    segments_round_ = round;
  }
  return segments_;
}

std::int64_t LanguageTask::steps_in_pass(std::int64_t round) const {
  return static_cast<std::int64_t>(segments(round).size());
}

nn::Batch LanguageTask::training_batch(const StepPlace& place, int slot) {
  const auto& segment = segments(place.round).at(static_cast<std::size_t>(place.index));
  const int batch_size = options_.training.batch_size;
  return to_batch(train_.batch(slot * batch_size, batch_size, segment.position, segment.length));
}

double LanguageTask::lr_factor(const StepPlace& place) const {
  if (!options_.training.lr_scales_with_length) return 1.0;
  const auto& segment = segments(place.round).at(static_cast<std::size_t>(place.index));
  return static_cast<double>(segment.length) / options_.training.segments.segment_length;
}

nn::Score LanguageTask::reward_score(const Scorer& child, int rollout, std::int64_t step) const {
  const RewardBatch& batch = options_.reward;
  const auto positions = static_cast<std::uint64_t>(reward_.column_length() - batch.segment_length);
  RandomStream random(options_.seed, {Purpose::reward_batch, static_cast<std::uint64_t>(rollout),
                                      static_cast<std::uint64_t>(step)});
  const auto position = static_cast<std::int64_t>(random.next_below(positions));
  auto state = child.initial_state(batch.batch_size);
  return child.score(to_batch(reward_.batch(0, batch.batch_size, position, batch.segment_length)),
                     state);
}

nn::Score LanguageTask::validation_score(const Scorer& child) const {
  auto state = child.initial_state(validation_.num_columns());
  nn::Score score;
  for (const auto& segment : validation_segments_) {
    score += child.score(
        to_batch(validation_.batch(0, validation_.num_columns(), segment.position, segment.length)),
        state);
  }
  return score;
}

nn::Score LanguageTask::whole_validation_score(const Scorer& child) const {
  const data::WholeColumns columns(corpus_.valid, options_.validation.batch_size);
  const std::int64_t segment = options_.training.segments.segment_length;
  auto state = child.initial_state(columns.num_columns());
  nn::Score score;
  for (std::int64_t position = 0; position < columns.length(); position += segment) {
    const std::int64_t length = std::min(segment, columns.length() - position);
    score += child.score(to_batch(columns.batch(position, length)), state);
  }
  if (columns.num_longer() > 0) {
    state = state.narrow(0, 0, columns.num_longer());
    score += child.score(to_batch(columns.last_step()), state);
  }
  return score;
}

std::int64_t LanguageTask::num_parts(const SplitCut& cut) const {
  columns_of(cut);  // throws when the split is too short for them
  return cut.columns;
}

data::TokenColumns LanguageTask::columns_of(const SplitCut& cut) const {
  const bool validates = cut.split == Split::validation;
  return {validates ? corpus_.valid : corpus_.test, cut.batch_size * cut.columns,
          validates ? "valid" : "test", cut.keys};
}

nn::Score LanguageTask::part_score(const Scorer& child, const SplitCut& cut,
                                   std::int64_t part) const {
  const data::TokenColumns columns = columns_of(cut);
  const std::int64_t inputs = columns.column_length() - 1;
  const std::int64_t length = options_.training.segments.segment_length;
  auto state = child.initial_state(cut.batch_size);
  nn::Score score;
  for (std::int64_t position = 0; position < inputs; position += length) {
    score +=
        child.score(to_batch(columns.batch(static_cast<int>(part) * cut.batch_size, cut.batch_size,
                                           position, std::min(length, inputs - position))),
                    state);
  }
  return score;
}

std::string LanguageTask::validation_text() const {
  return concat(validation_segments_.size(), " segments of ",
                options_.training.segments.segment_length, " tokens in ", validation_.num_columns(),
                " columns");
}

std::string LanguageTask::whole_validation_text() const {
  return concat("all ", corpus_.valid.size(), " tokens but the first, in ",
                validation_.num_columns(), " columns");
}

}  // namespace enas::task
