// SPDX-License-Identifier: Apache-2.0
// Reads and numbers the three text files of a corpus.
#include "data/corpus.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <ios>
#include <numeric>
#include <span>
#include <string_view>
#include <unordered_map>

#include "core/error.hpp"
#include "core/plain_text.hpp"
#include "core/text.hpp"
#include "core/utf8.hpp"
#include "data/corpus_files.hpp"
#include "io/durable_file.hpp"

namespace enas::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEndOfLine = "<eos>";
constexpr std::string_view kUnknown = "<unk>";
constexpr std::size_t kMaxWordBytes = 1000;
constexpr std::size_t kMaxFileBytes = std::size_t{4} << 30;

/// Where a word stands, for messages.
struct Place {
  const fs::path& file;
  std::size_t line;
};

std::string describe(const Place& place) { return concat(place.file.string(), ":", place.line); }

/// The word for a message: cut to a few bytes, with control characters made visible.
std::string shown(std::string_view word) {
  constexpr std::size_t kShownBytes = 60;
  std::size_t end = std::min(word.size(), kShownBytes);
  const auto is_inside_a_character = [&] { return (word[end] & 0xC0) == 0x80; };
  while (end < word.size() && is_inside_a_character()) --end;
  std::string text(word.substr(0, end));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return concat("'", text, end < word.size() ? "...'" : "'");
}

std::string read_split(const fs::path& file) {
  std::string text = plain_text(io::read_text(file, kMaxFileBytes));
  const auto refuse = [&](std::size_t at, std::string_view problem) {
    const auto lines_before = std::count(text.begin(), text.begin() + static_cast<long>(at), '\n');
    throw InputError(concat(describe({file, 1 + static_cast<std::size_t>(lines_before)}), ": ",
                            problem, "; the file must be text in UTF-8"));
  };
  if (const std::size_t nul = text.find('\0'); nul != std::string::npos) refuse(nul, "a NUL byte");
  if (const std::size_t at = find_invalid_utf8(text); at != std::string::npos) {
    refuse(at, concat("the byte 0x", std::hex, std::uppercase,
                      +static_cast<unsigned char>(text[at]), " is not UTF-8"));
  }
  return text;
}

/// Calls on_word(word, place) for every word of a plain text and once with `<eos>` at every line's
/// end, the last line's included when its newline is missing. Counts words and lines.
template <typename OnWord>
void for_each_word(std::string_view text, const fs::path& file, SplitText& counts, OnWord on_word) {
  for (std::size_t line = 1; !text.empty(); ++line) {
    std::string_view rest = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), rest.size() + 1));
    const Place place{file, line};
    std::string_view word;
    while (true) {
      rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(' ')));
      if (rest.empty()) break;
      word = rest.substr(0, rest.find(' '));
      rest.remove_prefix(word.size());
      if (word.size() > kMaxWordBytes) {
        throw InputError(concat(describe(place), ": a word of ", word.size(), " bytes, ",
                                shown(word), "; at most ", kMaxWordBytes,
                                " are allowed between white space"));
      }
      ++counts.words;
      on_word(word, place);
    }
    ++counts.lines;
    if (word == kEndOfLine) ++counts.eos_lines;
    on_word(kEndOfLine, place);
  }
  if (counts.words == 0) {
    throw InputError(concat(file.string(), ": no words; a split cannot be empty"));
  }
}

/// Token numbers of the words of the training file. Keeps views into its text.
using WordNumbers = std::unordered_map<std::string_view, std::int32_t>;

/// Fills corpus.vocabulary, corpus.train and corpus.train_text; returns the numbers.
WordNumbers number_train(std::string_view text, const fs::path& file, Corpus& corpus) {
  WordNumbers numbers;
  std::vector<std::string_view> words;
  for_each_word(text, file, corpus.train_text, [&](std::string_view word, const Place&) {
    const auto [entry, is_new] = numbers.try_emplace(word, static_cast<std::int32_t>(words.size()));
    if (is_new) words.push_back(word);
    corpus.train.push_back(entry->second);
  });

  std::vector<std::int32_t> order(words.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return words[static_cast<std::size_t>(a)] < words[static_cast<std::size_t>(b)];
  });
  std::vector<std::int32_t> rank(words.size());
  for (const std::int32_t old_number : order) {
    const std::string_view word = words[static_cast<std::size_t>(old_number)];
    const auto number = static_cast<std::int32_t>(corpus.vocabulary.size());
    rank[static_cast<std::size_t>(old_number)] = number;
    numbers[word] = number;
    corpus.vocabulary.emplace_back(word);
  }
  for (std::int32_t& token : corpus.train) token = rank[static_cast<std::size_t>(token)];
  if (const auto unknown = numbers.find(kUnknown); unknown != numbers.end()) {
    corpus.train_text.unknown_words =
        std::count(corpus.train.begin(), corpus.train.end(), unknown->second);
  }
  return numbers;
}

std::vector<std::int32_t> number_split(const fs::path& file, const WordNumbers& numbers,
                                       SplitText& counts) {
  const std::string text = read_split(file);
  const auto unknown = numbers.find(kUnknown);
  std::vector<std::int32_t> tokens;
  for_each_word(text, file, counts, [&](std::string_view word, const Place& place) {
    auto entry = numbers.find(word);
    if (entry == numbers.end()) {
      if (unknown == numbers.end()) {
        throw InputError(concat(describe(place), ": the word ", shown(word),
                                " is not in the training file; add it or ", kUnknown, " there"));
      }
      if (counts.first_unknown.empty()) {
        counts.first_unknown = concat(shown(word), " (", describe(place), ")");
      }
      entry = unknown;
    }
    if (entry == unknown && entry != numbers.end()) ++counts.unknown_words;
    tokens.push_back(entry->second);
  });
  return tokens;
}

struct NamedSplit {
  const char* name;
  const SplitText& text;
};

std::vector<NamedSplit> splits_of(const Corpus& corpus) {
  return {{"training", corpus.train_text},
          {"validation", corpus.valid_text},
          {"test", corpus.test_text}};
}

void warn_of_unknown_words(const Corpus& corpus, std::vector<std::string>& warnings) {
  constexpr double kMany = 0.1;
  for (const auto& [name, text] : splits_of(corpus)) {
    if (text.unknown_share() <= kMany) continue;
    warnings.push_back(concat(
        corpus.name, ": ", fixed(100.0 * text.unknown_share(), 1), " % of the ", name,
        " split's words are ", kUnknown, ", so its perplexity says little about the others",
        text.first_unknown.empty()
            ? std::string()
            : concat("; the first that the training file does not have is ", text.first_unknown,
                     ": are both files cut into words alike (capital letters, punctuation)?")));
  }
}

/// Lines that end in a literal `<eos>` get a second one, which a model predicts at almost no loss.
void warn_of_double_eos(const Corpus& corpus, std::vector<std::string>& warnings) {
  std::vector<std::string> parts;
  double free_share = 0.0;  // of the tokens, in the split where it is largest
  for (const auto& [name, text] : splits_of(corpus)) {
    if (text.eos_lines == 0) continue;
    parts.push_back(concat(text.eos_lines, " of the ", name, " split's ", text.lines, " lines"));
    free_share = std::max(free_share, static_cast<double>(text.eos_lines) /
                                          static_cast<double>(text.words + text.lines));
  }
  if (parts.empty()) return;
  warnings.push_back(concat(
      corpus.name, ": ", join(parts, ", "), " end in ", kEndOfLine,
      " already, and each line gets another, which is easily predicted and lowers the perplexity: "
      "what would be 100 shows as about ",
      fixed(std::pow(100.0, 1.0 - free_share), 0), "; take ", kEndOfLine, " out of the files"));
}

}  // namespace

io::Digest digest_corpus(const Corpus& corpus) {
  io::Digester digester;
  digester.add_value(corpus.vocabulary.size());
  for (const std::string& word : corpus.vocabulary) digester.add_value(word.size()).add(word);
  for (const auto* tokens : {&corpus.train, &corpus.valid, &corpus.test}) {
    digester.add_value(tokens->size());
    digester.add_values(std::span<const std::int32_t>(*tokens));
  }
  return digester.finish();
}

Corpus read_corpus(const fs::path& folder, const std::string& prefix) {
  const CorpusFiles files = find_corpus_files(folder, prefix);
  Corpus corpus;
  corpus.name = files.name;
  const std::string train_text = read_split(files.train);
  const WordNumbers numbers = number_train(train_text, files.train, corpus);
  corpus.valid = number_split(files.valid, numbers, corpus.valid_text);
  corpus.test = number_split(files.test, numbers, corpus.test_text);
  corpus.digest = digest_corpus(corpus);
  return corpus;
}

std::vector<std::string> corpus_warnings(const Corpus& corpus) {
  std::vector<std::string> warnings;
  warn_of_unknown_words(corpus, warnings);
  warn_of_double_eos(corpus, warnings);
  return warnings;
}

}  // namespace enas::data
