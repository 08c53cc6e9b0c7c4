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

/// Counts of a split's text, which help to judge a perplexity on it.
struct SplitText {
  std::int64_t words = 0;          ///< in the file, without the `<eos>` added to lines
  std::int64_t unknown_words = 0;  ///< of them, those that are `<unk>` or become it
  std::int64_t lines = 0;
  std::int64_t eos_lines = 0;  ///< lines whose last word is an `<eos>` of the file
  /// The first word that became `<unk>`, with its place; empty where none did.
  std::string first_unknown;
  /// Loss in nats per token of the source's true probabilities on this text, where they are known.
  std::optional<double> source_loss;

  /// In [0, 1]; 0 where there are no words.
  double unknown_share() const {
    return words > 0 ? static_cast<double>(unknown_words) / static_cast<double>(words) : 0.0;
  }
};

struct Corpus {
  std::string name;                     ///< what messages call it: the folder, or "markov"
  std::vector<std::string> vocabulary;  ///< token number -> word, sorted
  std::vector<std::int32_t> train;
  std::vector<std::int32_t> valid;
  std::vector<std::int32_t> test;
  SplitText train_text;
  SplitText valid_text;
  SplitText test_text;
  /// Entropy rate of the source in nats per token, where it is known exactly: no model's expected
  /// loss is lower, though its loss on a particular text may be.
  std::optional<double> entropy_rate;
  io::Digest digest;  ///< of vocabulary and all tokens

  int vocabulary_size() const { return static_cast<int>(vocabulary.size()); }
};

/// Digest of the vocabulary and all tokens; what `Corpus::digest` holds.
io::Digest digest_corpus(const Corpus& corpus);

/// Reads train/valid/test from a folder (find_corpus_files()) as Python reads text: words are
/// separated by white space of any kind, CR, LF and CR LF end lines, a byte-order mark is skipped;
/// each line, an empty one too, ends in `<eos>`. The vocabulary is made from the training file,
/// sorted. A word that is not in it becomes `<unk>` where the training file has that word,
/// otherwise InputError names file, line and word. Throws InputError for a missing folder or file
/// (66), an unreadable one (66), several candidates, a split without words, a word of over 1,000
/// bytes, a NUL byte or one that is not UTF-8 (65).
Corpus read_corpus(const std::filesystem::path& folder, const std::string& prefix = "");

/// Warnings, a sentence each, where perplexities on this corpus look too good: many words of a
/// split are `<unk>`, or its lines end in a literal `<eos>`.
std::vector<std::string> corpus_warnings(const Corpus& corpus);

}  // namespace enas::data
