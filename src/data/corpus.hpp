// SPDX-License-Identifier: Apache-2.0
// Word-level corpora: three lists of token numbers and the vocabulary that they index.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/digest.hpp"

namespace enas::data {

struct Corpus {
  std::string name;                     ///< what messages call it: the folder, or "markov"
  std::vector<std::string> vocabulary;  ///< token number -> word, sorted
  std::vector<std::int32_t> train;
  std::vector<std::int32_t> valid;
  std::vector<std::int32_t> test;
  /// Entropy rate of the source in nats per token, where it is known exactly: no model's expected
  /// loss is lower.
  std::optional<double> entropy_rate;
  io::Digest digest;  ///< of vocabulary and all tokens

  int vocabulary_size() const { return static_cast<int>(vocabulary.size()); }
};

/// Digest of the vocabulary and all tokens; what `Corpus::digest` holds.
io::Digest digest_corpus(const Corpus& corpus);

/// Reads train/valid/test from a folder: `train.txt` or exactly one `*.train.txt` (likewise valid,
/// test). Words are separated by white space; each line, an empty one too, ends in `<eos>`. The
/// vocabulary is made from the training file, sorted. A word that is not in it becomes `<unk>`
/// where the training file has that word, otherwise InputError names file, line and word. Throws
/// InputError for a missing folder or file (66), an unreadable one (66), several candidates, a
/// split without words, a word of over 1,000 bytes or a NUL byte (65).
Corpus read_corpus(const std::filesystem::path& folder);

}  // namespace enas::data
