// SPDX-License-Identifier: Apache-2.0
#include "space/genotype_text.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string>

#include "core/error.hpp"
#include "core/text.hpp"
#include "space/typed_view.hpp"

namespace enas::space {
namespace {

constexpr std::string_view kGenotype = "Genotype";
constexpr int kDeepest = 8;

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Recursive descent over the few kinds of values that a genotype has.
class Reader {
 public:
  Reader(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  Json genotype() {
    find_genotype();
    Json json = Json::object();
    expect_next('(', "'(' after Genotype");
    while (!take(')')) {
      const std::string key = name("a name, as in normal=[...]");
      if (json.contains(key)) fail(concat("'", key, "' is given twice"));
      expect_next('=', concat("'=' after ", key));
      json[key] = value(0);
      if (!take(',') && peek() != ')') fail("expected ',' or ')'");
    }
    if (peek() != '\0') fail("expected nothing after the genotype's ')'");
    return json;
  }

 private:
  [[noreturn]] void fail(std::string_view problem) const {
    const std::string_view before = text_.substr(0, position_);
    const std::size_t line_start = before.rfind('\n') + 1;  // 0 on the first line
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    throw InputError(concat(file_, ":", line, ":", position_ - line_start + 1, ": ", problem,
                            position_ < text_.size()
                                ? concat(" before '", text_.substr(position_, 12), "'")
                                : std::string(" before the end")));
  }

  /// The next character that counts; '\0' at the end.
  char peek() {
    while (position_ < text_.size() && (is_space(text_[position_]) || text_[position_] == '#')) {
      if (text_[position_] == '#') {
        position_ = std::min(text_.find('\n', position_), text_.size());
      } else {
        ++position_;
      }
    }
    return position_ < text_.size() ? text_[position_] : '\0';
  }

  bool take(char c) {
    if (peek() != c) return false;
    ++position_;
    return true;
  }

  void expect_next(char c, std::string_view what) {
    if (!take(c)) fail(concat("expected ", what));
  }

  /// To behind the only "Genotype" that a parenthesis follows.
  void find_genotype() {
    std::size_t found = std::string_view::npos;
    for (std::size_t at = text_.find(kGenotype); at != std::string_view::npos;
         at = text_.find(kGenotype, at + 1)) {
      position_ = at + kGenotype.size();
      if (peek() != '(') continue;
      position_ = at;
      if (found != std::string_view::npos) fail("a second genotype; give one");
      found = at;
    }
    position_ = 0;
    if (found == std::string_view::npos) fail("found no \"Genotype(\"; expected one");
    position_ = found + kGenotype.size();
  }

  std::string name(std::string_view what) {
    peek();
    const std::size_t begin = position_;
    while (position_ < text_.size() && is_name(text_[position_])) ++position_;
    if (begin == position_) fail(concat("expected ", what));
    return std::string(text_.substr(begin, position_ - begin));
  }

  Json value(int depth) {
    const char c = peek();
    if (depth > kDeepest) fail("too many brackets");
    if (c == '[') return list(']', depth);
    if (c == '(') return list(')', depth);
    if (c == '\'' || c == '"') return quoted();
    if (c == '-' || (c >= '0' && c <= '9')) return integer();
    if (is_name(c)) return range(depth);
    fail("expected a list, a quoted name or a number");
  }

  Json list(char close, int depth) {
    ++position_;
    Json items = Json::array();
    while (!take(close)) {
      items.push_back(value(depth + 1));
      if (!take(',') && peek() != close) fail(concat("expected ',' or '", close, "'"));
    }
    return items;
  }

  Json quoted() {
    const char quote = text_[position_++];
    const std::size_t end = text_.find(quote, position_);
    const std::string_view word = text_.substr(position_, end - position_);
    if (end == std::string_view::npos || word.find('\n') != std::string_view::npos) {
      fail("a quote that does not end on its line");
    }
    position_ = end + 1;
    return std::string(word);
  }

  Json integer() {
    int number = 0;
    const char* begin = text_.data() + position_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), number);
    if (error != std::errc()) fail("expected a whole number");
    position_ += static_cast<std::size_t>(end - begin);
    return number;
  }

  /// range(end) or range(begin, end).
  Json range(int depth) {
    const std::size_t begin = position_;
    if (name("range(...)") != "range" || peek() != '(') {
      position_ = begin;
      fail("expected a list, a quoted name, a number or range(...)");
    }
    const Json bounds = list(')', depth);
    const bool is_good = (bounds.size() == 1 || bounds.size() == 2) &&
                         std::all_of(bounds.begin(), bounds.end(), [](const Json& bound) {
                           return bound.is_number_integer() && bound >= 0 && bound <= kMostNodes;
                         });
    if (!is_good) fail("expected range(end) or range(begin, end)");
    Json numbers = Json::array();
    const int first = bounds.size() == 2 ? bounds[0].get<int>() : 0;
    for (int i = first; i < bounds.back().get<int>(); ++i) numbers.push_back(i);
    return numbers;
  }

  std::string_view text_;
  std::string_view file_;
  std::size_t position_ = 0;
};

}  // namespace

Json genotype_from_text(std::string_view text, std::string_view file) {
  return Reader(text, file).genotype();
}

}  // namespace enas::space
