// SPDX-License-Identifier: Apache-2.0
// An embedded corpus for demos and tests: a sparse Markov source whose entropy rate is known
// exactly.
#pragma once

#include <cstdint>

#include "data/corpus.hpp"
#include "data/options.hpp"

namespace enas::data {

/// Draws a MarkovSource and the three splits from it, each starting from the stationary
/// distribution, so that the entropy rate is exactly the expected loss of a model that
/// knows the true probabilities. The words are "w00", "w01", ... Throws ConfigError for options out
/// of range.
Corpus make_markov_corpus(const MarkovOptions& options);

}  // namespace enas::data
