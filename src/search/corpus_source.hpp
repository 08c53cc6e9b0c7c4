// SPDX-License-Identifier: Apache-2.0
// The corpus that a configuration names, cut into the columns that the phases use.
#pragma once

#include <string>

#include "data/corpus.hpp"
#include "data/token_columns.hpp"
#include "search/settings.hpp"

namespace enas::search {

/// Reads or makes it. Throws InputError or ConfigError. Not collective.
data::Corpus load_corpus(const DataOptions& options);

/// "data/ptb: 929589/73760/82430 tokens, vocabulary 10000".
std::string describe(const data::Corpus& corpus);

/// Views of one corpus, which must outlive them. Throws ConfigError when a segment does not fit.
struct CorpusColumns {
  CorpusColumns(const data::Corpus& corpus, const Settings& settings);

  data::TokenColumns
      train;  ///< slots × batch_size columns; slot s owns the s-th batch_size of them
  data::TokenColumns reward;      ///< validation split in columns of the reward batch
  data::TokenColumns validation;  ///< validation split in columns of the validation batch
};

}  // namespace enas::search
