// SPDX-License-Identifier: Apache-2.0
// Names the words of a Markov source and draws the three splits.
#include "data/markov_corpus.hpp"

#include <iomanip>
#include <string>

#include "core/error.hpp"
#include "core/text.hpp"
#include "data/markov_source.hpp"

namespace enas::data {
namespace {

std::vector<std::string> name_words(int vocabulary) {
  // Equal widths keep the names sorted.
  const auto width = static_cast<int>(std::to_string(vocabulary - 1).size());
  std::vector<std::string> names;
  for (int word = 0; word < vocabulary; ++word) {
    names.push_back(concat("w", std::setfill('0'), std::setw(width), word));
  }
  return names;
}

std::vector<std::int32_t> draw_split(const MarkovSource& source, const MarkovOptions& options,
                                     const char* key, int num_tokens, std::uint64_t index) {
  if (num_tokens <= options.order) {
    throw ConfigError(concat("data.markov.", key, " = ", num_tokens,
                             " is too few; more than data.markov.order = ", options.order,
                             " are needed"));
  }
  RandomStream stream(options.seed, {.purpose = Purpose::corpus, .index = index});
  return source.draw(static_cast<std::size_t>(num_tokens), stream);
}

}  // namespace

Corpus make_markov_corpus(const MarkovOptions& options) {
  const MarkovSource source(options);
  Corpus corpus;
  corpus.name = "markov";
  corpus.vocabulary = name_words(options.vocabulary);
  corpus.train = draw_split(source, options, "train_tokens", options.train_tokens, 1);
  corpus.valid = draw_split(source, options, "valid_tokens", options.valid_tokens, 2);
  corpus.test = draw_split(source, options, "test_tokens", options.test_tokens, 3);
  corpus.entropy_rate = source.entropy_rate();
  corpus.valid_text.source_loss = source.loss(corpus.valid);
  corpus.test_text.source_loss = source.loss(corpus.test);
  corpus.digest = digest_corpus(corpus);
  return corpus;
}

}  // namespace enas::data
