// SPDX-License-Identifier: Apache-2.0
// An embedded corpus for demos and tests: a sparse Markov source whose entropy rate is known
// exactly.
#pragma once

#include <cstdint>

#include "data/corpus.hpp"

namespace enas::data {

struct MarkovOptions {
  int vocabulary = 50;  ///< number of words, 2 or more; vocabulary^order is at most 1,000,000
  int order = 2;        ///< words that the next one depends on, 1 to 3; 2 or more need memory
  int branching = 4;    ///< successors of a context with non-zero probability, 2 to vocabulary
  int train_tokens = 100000;
  int valid_tokens = 10000;
  int test_tokens = 10000;
  std::uint64_t seed = 1;  ///< of the source; the run's seed does not change the corpus
};

/// Draws a MarkovSource and the three splits from it, each starting from the stationary
/// distribution, so that the entropy rate is exactly the expected loss of a model that
/// knows the true probabilities. The words are "w00", "w01", ... Throws ConfigError for options out
/// of range.
Corpus make_markov_corpus(const MarkovOptions& options);

}  // namespace enas::data
