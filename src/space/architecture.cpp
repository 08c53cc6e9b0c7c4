// SPDX-License-Identifier: Apache-2.0
// Printing, parsing and hashing of architectures.
#include "space/architecture.hpp"

#include <algorithm>
#include <charconv>

#include "core/error.hpp"
#include "core/text.hpp"
#include "core/utf8.hpp"

namespace enas::space {

std::string Architecture::text() const { return join(tokens, " "); }

std::vector<std::int32_t> tokens_from_text(std::string_view text) {
  constexpr std::string_view kSeparators = " \t\r\n\v\f[]|";
  constexpr std::size_t kLongestWord = 40;  // in a message
  std::vector<std::int32_t> tokens;
  std::size_t begin = text.find_first_not_of(kSeparators);
  while (begin != std::string_view::npos) {
    const std::size_t end = std::min(text.find_first_of(kSeparators, begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    std::int32_t token = 0;
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), token);
    if (error != std::errc() || stop != word.data() + word.size()) {
      throw InputError(concat("'", visible(word, kLongestWord), "' after ", tokens.size(),
                              " tokens is no token: an architecture is a list of integers "
                              "separated by white space, with '[', ']' and '|' ignored"));
    }
    tokens.push_back(token);
    begin = text.find_first_not_of(kSeparators, end);
  }
  return tokens;
}

}  // namespace enas::space

std::size_t std::hash<enas::space::Architecture>::operator()(
    const enas::space::Architecture& architecture) const noexcept {
  // FNV-1a over the tokens, started from the id's own hash.
  std::uint64_t digest = std::hash<std::string>{}(architecture.space_id) ^ 14695981039346656037ULL;
  for (const std::int32_t token : architecture.tokens) {
    digest = (digest ^ static_cast<std::uint32_t>(token)) * 1099511628211ULL;
  }
  return static_cast<std::size_t>(digest);
}
