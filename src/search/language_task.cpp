// SPDX-License-Identifier: Apache-2.0
#include "search/language_task.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "core/random.hpp"
#include "core/text.hpp"
#include "data/markov_corpus.hpp"

namespace enas::search {

namespace {

data::Corpus load_corpus(const DataOptions& options) {
  return options.source == DataSource::markov ? data::make_markov_corpus(options.markov)
                                              : data::read_corpus(options.path);
}

nn::Batch to_batch(data::TokenBatch tokens) {
  return {std::move(tokens.input), std::move(tokens.target)};
}

}  // namespace

LanguageTask::LanguageTask(const Settings& settings)
    : settings_(settings),
      corpus_(load_corpus(settings.data)),
      metric_{Metric::Kind::perplexity,
              std::exp(corpus_.entropy_rate.value_or(std::numeric_limits<double>::quiet_NaN()))},
      train_(corpus_.train, settings.weights.slots * settings.weights.batch_size, "train",
             "weights.slots or weights.batch_size"),
      reward_(corpus_.valid, settings.rollout.batch_size, "valid", "controller.batch_size"),
      validation_(corpus_.valid, settings.validation.batch_size, "valid",
                  "validation.batch_size") {
  check_segments();
  validation_segments_ = data::segments_of_pass({settings.weights.segments.segment_length, false},
                                                validation_.column_length(), 0, 0);
  const auto limit = static_cast<std::size_t>(settings.validation.batches);
  if (limit > 0 && validation_segments_.size() > limit) validation_segments_.resize(limit);
}

void LanguageTask::check_segments() const {
  segments(0);  // throws when not even one segment fits
  if (reward_.column_length() <= settings_.rollout.segment_length) {
    throw ConfigError(
        concat("a reward segment of controller.segment_length = ", settings_.rollout.segment_length,
               " does not fit: the validation split in controller.batch_size = ",
               settings_.rollout.batch_size, " columns has ", reward_.column_length(),
               " tokens a column: set controller.segment_length to at most ",
               reward_.column_length() - 1, " or lower controller.batch_size"));
  }
  if (validation_.column_length() <= settings_.weights.segments.segment_length) {
    throw ConfigError(
        concat("a segment of weights.segment_length = ", settings_.weights.segments.segment_length,
               " does not fit: the validation split in validation.batch_size = ",
               settings_.validation.batch_size, " columns has ", validation_.column_length(),
               " tokens a column: set weights.segment_length to at most ",
               validation_.column_length() - 1, " or lower validation.batch_size"));
  }
}

std::string LanguageTask::describe_data() const {
  std::string text =
      concat(corpus_.name, ": ", corpus_.train.size(), "/", corpus_.valid.size(), "/",
             corpus_.test.size(), " tokens, vocabulary ", corpus_.vocabulary_size());
  if (corpus_.entropy_rate) text += concat(", perplexity floor ", fixed(metric_.limit, 3));
  return text;
}

const std::vector<data::Segment>& LanguageTask::segments(std::int64_t round) const {
  if (round != segments_round_) {
    segments_ = data::segments_of_pass(settings_.weights.segments, train_.column_length(),
                                       settings_.run.seed, static_cast<std::uint64_t>(round));
    segments_round_ = round;
  }
  return segments_;
}

std::int64_t LanguageTask::steps_in_pass(std::int64_t round) const {
  return static_cast<std::int64_t>(segments(round).size());
}

nn::Batch LanguageTask::training_batch(const StepPlace& place, int slot) {
  const auto& segment = segments(place.round).at(static_cast<std::size_t>(place.index));
  const int batch_size = settings_.weights.batch_size;
  return to_batch(train_.batch(slot * batch_size, batch_size, segment.position, segment.length));
}

double LanguageTask::lr_factor(const StepPlace& place) const {
  if (!settings_.weights.lr_scales_with_length) return 1.0;
  const auto& segment = segments(place.round).at(static_cast<std::size_t>(place.index));
  return static_cast<double>(segment.length) / settings_.weights.segments.segment_length;
}

nn::Score LanguageTask::reward_score(const Scorer& child, int rollout, std::int64_t step) const {
  const RolloutOptions& options = settings_.rollout;
  const auto positions =
      static_cast<std::uint64_t>(reward_.column_length() - options.segment_length);
  RandomStream random(settings_.run.seed,
                      {Purpose::reward_batch, static_cast<std::uint64_t>(rollout),
                       static_cast<std::uint64_t>(step)});
  const auto position = static_cast<std::int64_t>(random.next_below(positions));
  auto state = child.initial_state(options.batch_size);
  return child.score(
      to_batch(reward_.batch(0, options.batch_size, position, options.segment_length)), state);
}

double LanguageTask::reward(double metric) const {
  return perplexity_reward(settings_.rollout, metric);
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

std::int64_t LanguageTask::num_parts(const SplitCut& cut) const {
  columns_of(cut);  // throws when the split is too short for them
  return cut.columns;
}

data::TokenColumns LanguageTask::columns_of(const SplitCut& cut) const {
  const bool validates = cut.split == Split::validation;
  return {validates ? corpus_.valid : corpus_.test, cut.batch_size * cut.columns,
          validates ? "valid" : "test"};
}

nn::Score LanguageTask::part_score(const Scorer& child, const SplitCut& cut,
                                   std::int64_t part) const {
  const data::TokenColumns columns = columns_of(cut);
  const std::int64_t inputs = columns.column_length() - 1;
  const std::int64_t length = settings_.weights.segments.segment_length;
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
  return concat("validation, shared weights, ", validation_segments_.size(), " segments of ",
                settings_.weights.segments.segment_length, " tokens in ", validation_.num_columns(),
                " columns");
}

double LanguageTask::activation_bytes() const {
  // A cell keeps, for each step and node, value, gate, activation and their gradients.
  const double rows =
      static_cast<double>(settings_.weights.batch_size) * settings_.weights.segments.segment_length;
  const double cell =
      rows * settings_.supernet.recurrent.hidden * (6.0 * settings_.space.recurrent.nodes + 8.0);
  const double logits = 2.0 * 256.0 * corpus_.vocabulary_size();
  const double carried =
      static_cast<double>(settings_.weights.batch_size) * settings_.supernet.recurrent.hidden;
  return 4.0 * (cell + logits + carried);
}

}  // namespace enas::search
