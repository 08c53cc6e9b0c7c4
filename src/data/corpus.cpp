// SPDX-License-Identifier: Apache-2.0
// Finds, reads and numbers the three text files of a corpus.
#include "data/corpus.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <span>
#include <string_view>
#include <system_error>
#include <unordered_map>

#include "core/error.hpp"
#include "core/text.hpp"
#include "io/durable_file.hpp"

namespace enas::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEndOfLine = "<eos>";
constexpr std::string_view kUnknown = "<unk>";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::size_t kMaxWordBytes = 1000;
constexpr std::size_t kMaxFileBytes = std::size_t{4} << 30;

/// Where a word stands, for messages.
struct Place {
  const fs::path& file;
  std::size_t line;
};

std::string describe(const Place& place) { return concat(place.file.string(), ":", place.line); }

/// The word as a message may show it: short, and without bytes that move a terminal's cursor.
std::string shown(std::string_view word) {
  constexpr std::size_t kShownBytes = 60;
  std::string text(word.substr(0, kShownBytes));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return concat("'", text, word.size() > kShownBytes ? "...'" : "'");
}

fs::path find_split(const fs::path& folder, const std::string& split) {
  const std::string plain = split + ".txt";
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string file = entry->path().filename().string();
    if (file == plain || file.ends_with("." + plain)) found.push_back(entry->path());
  }
  if (error) {
    throw InputError(concat("cannot list the corpus folder ", folder.string(), ": ",
                            error.message(), "; data.path names it"),
                     ExitCode::missing_input);
  }
  if (found.empty()) {
    throw InputError(concat("no ", plain, " or *.", plain, " in the corpus folder ",
                            folder.string(), "; data.path names the folder"),
                     ExitCode::missing_input);
  }
  if (found.size() > 1) {
    std::vector<std::string> names;
    for (const fs::path& path : found) names.push_back(path.filename().string());
    std::sort(names.begin(), names.end());
    throw InputError(concat("several files could be the ", split, " split in ", folder.string(),
                            ": ", join(names, ", "), "; leave exactly one there"));
  }
  return found.front();
}

std::string read_split(const fs::path& file) {
  std::string text = io::read_text(file, kMaxFileBytes);
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  if (const std::size_t nul = text.find('\0'); nul != std::string::npos) {
    const auto line = 1 + static_cast<std::size_t>(std::count(
                              text.begin(), text.begin() + static_cast<long>(nul), '\n'));
    throw InputError(
        concat(describe({file, line}), ": a NUL byte; the file must be text in UTF-8"));
  }
  return text;
}

/// Calls on_word(word, place) for every word and once with `<eos>` at every line's end, the last
/// line's included when its newline is missing.
template <typename OnWord>
void for_each_word(std::string_view text, const fs::path& file, OnWord on_word) {
  constexpr std::string_view kSpace = " \t\r\v\f";
  bool any_word = false;
  for (std::size_t line = 1; !text.empty(); ++line) {
    std::string_view rest = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), rest.size() + 1));
    const Place place{file, line};
    while (true) {
      rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(kSpace)));
      if (rest.empty()) break;
      const std::string_view word = rest.substr(0, rest.find_first_of(kSpace));
      rest.remove_prefix(word.size());
      if (word.size() > kMaxWordBytes) {
        throw InputError(concat(describe(place), ": a word of ", word.size(), " bytes, ",
                                shown(word), "; at most ", kMaxWordBytes,
                                " are allowed between white space"));
      }
      any_word = true;
      on_word(word, place);
    }
    on_word(kEndOfLine, place);
  }
  if (!any_word) throw InputError(concat(file.string(), ": no words; a split cannot be empty"));
}

/// Token numbers of the words of the training file. Keeps views into its text.
using WordNumbers = std::unordered_map<std::string_view, std::int32_t>;

/// Fills corpus.vocabulary and corpus.train; returns the numbers.
WordNumbers number_train(std::string_view text, const fs::path& file, Corpus& corpus) {
  WordNumbers numbers;
  std::vector<std::string_view> words;
  for_each_word(text, file, [&](std::string_view word, const Place&) {
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
  return numbers;
}

std::vector<std::int32_t> number_split(const fs::path& file, const WordNumbers& numbers) {
  const std::string text = read_split(file);
  const auto unknown = numbers.find(kUnknown);
  std::vector<std::int32_t> tokens;
  for_each_word(text, file, [&](std::string_view word, const Place& place) {
    auto entry = numbers.find(word);
    if (entry == numbers.end()) entry = unknown;
    if (entry == numbers.end()) {
      throw InputError(concat(describe(place), ": the word ", shown(word),
                              " is not in the training file; add it or ", kUnknown, " there"));
    }
    tokens.push_back(entry->second);
  });
  return tokens;
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

Corpus read_corpus(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw InputError(concat("the corpus folder ", folder.string(),
                            " is not there or not a folder; data.path names it"),
                     ExitCode::missing_input);
  }
  const fs::path train = find_split(folder, "train");
  const fs::path valid = find_split(folder, "valid");
  const fs::path test = find_split(folder, "test");

  Corpus corpus;
  // The slash and the dot make "data/ptb/" and "data/ptb" both end in the folder's own name.
  corpus.name = (fs::absolute(folder) / ".").lexically_normal().parent_path().filename().string();
  const std::string train_text = read_split(train);
  const WordNumbers numbers = number_train(train_text, train, corpus);
  corpus.valid = number_split(valid, numbers);
  corpus.test = number_split(test, numbers);
  corpus.digest = digest_corpus(corpus);
  return corpus;
}

}  // namespace enas::data
