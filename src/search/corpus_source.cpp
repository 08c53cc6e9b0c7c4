// SPDX-License-Identifier: Apache-2.0
#include "search/corpus_source.hpp"

#include <cmath>

#include "core/error.hpp"
#include "core/text.hpp"
#include "data/markov_corpus.hpp"

namespace enas::search {

data::Corpus load_corpus(const DataOptions& options) {
  return options.source == DataSource::markov ? data::make_markov_corpus(options.markov)
                                              : data::read_corpus(options.path);
}

std::string describe(const data::Corpus& corpus) {
  std::string text = concat(corpus.name, ": ", corpus.train.size(), "/", corpus.valid.size(), "/",
                            corpus.test.size(), " tokens, vocabulary ", corpus.vocabulary_size());
  if (corpus.entropy_rate) {
    text += concat(", perplexity floor ", fixed(std::exp(*corpus.entropy_rate), 3));
  }
  return text;
}

CorpusColumns::CorpusColumns(const data::Corpus& corpus, const Settings& settings)
    : train(corpus.train, settings.weights.slots * settings.weights.batch_size, "train"),
      reward(corpus.valid, settings.rollout.batch_size, "valid"),
      validation(corpus.valid, settings.validation.batch_size, "valid") {
  // Throws when not even one segment fits.
  data::segments_of_pass(settings.weights.segments, train.column_length(), settings.run.seed, 0);
  if (reward.column_length() <= settings.rollout.segment_length) {
    throw ConfigError(concat(
        "a reward segment of controller.segment_length = ", settings.rollout.segment_length,
        " does not fit: the validation split "
        "in controller.batch_size = ",
        settings.rollout.batch_size, " columns has ", reward.column_length(), " tokens a column"));
  }
  if (validation.column_length() <= settings.weights.segments.segment_length) {
    throw ConfigError(
        concat("a segment of weights.segment_length = ", settings.weights.segments.segment_length,
               " does not fit: the validation split in validation.batch_size = ",
               settings.validation.batch_size, " columns has ", validation.column_length(),
               " tokens a column"));
  }
}

}  // namespace enas::search
