// SPDX-License-Identifier: Apache-2.0
#include "space/pasted_text.hpp"

#include "core/error.hpp"
#include "core/text.hpp"
#include "core/utf8.hpp"

namespace enas::space {
namespace {

std::string_view without_mark(std::string_view text, std::string_view file) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    throw InputError(concat(file, " is UTF-16, as its byte-order mark says; save it as UTF-8"));
  }
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

std::string plain(std::string_view text, bool keep_json_strings) {
  std::string result;
  result.reserve(text.size());
  bool is_in_string = false;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t wide = is_in_string ? 0 : wide_space(text.substr(i));
    if (wide > 0) {
      result += ' ';
      i += wide;
      continue;
    }
    const bool is_escape = is_in_string && text[i] == '\\' && i + 1 < text.size();
    if (keep_json_strings && text[i] == '"') is_in_string = !is_in_string;
    result += text[i++];
    if (is_escape) result += text[i++];
  }
  return result;
}

}  // namespace

std::string with_plain_blanks(std::string_view text, std::string_view file) {
  return plain(without_mark(text, file), false);
}

std::string json_with_plain_blanks(std::string_view text, std::string_view file) {
  return plain(without_mark(text, file), true);
}

}  // namespace enas::space
