// SPDX-License-Identifier: Apache-2.0
#include "space/formats/python_values.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string>

#include "core/error.hpp"
#include "core/text.hpp"
#include "core/utf8.hpp"
#include "space/typed_view.hpp"

namespace enas::space {
namespace {

constexpr int kDeepest = 8;
constexpr int kMostValues = 100'000;
constexpr std::size_t kLongestPiece = 24;  // of the text in a message
constexpr std::string_view kRange = "range(end), range(begin, end) or range(begin, end, step)";

/// Calls that stand for their only argument, as Python and NumPy print lists, numbers and texts.
constexpr std::array<std::string_view, 14> kWrappers = {
    "list",  "tuple", "sorted",  "array",   "tensor",  "int", "int32",
    "int64", "float", "float16", "float32", "float64", "str", "str_"};

bool is_wrapper(std::string_view name) {
  return std::find(kWrappers.begin(), kWrappers.end(), name) != kWrappers.end();
}

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

}  // namespace

int PythonReader::line() const {
  const std::string_view before = text_.substr(0, position_);
  return 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
}

void PythonReader::fail(std::string_view problem) const {
  const std::size_t line_start = text_.substr(0, position_).rfind('\n') + 1;  // 0 on line 1
  throw InputError(
      concat(file_, ":", line(), ":", position_ - line_start + 1, ": ", problem,
             position_ < text_.size()
                 ? concat(" before '", visible(text_.substr(position_), kLongestPiece), "'")
                 : std::string(" before the end"),
             note_));
}

char PythonReader::peek() {
  while (position_ < text_.size() && (is_space(text_[position_]) || text_[position_] == '#')) {
    if (text_[position_] == '#') {
      position_ = std::min(text_.find('\n', position_), text_.size());
    } else {
      ++position_;
    }
  }
  return position_ < text_.size() ? text_[position_] : '\0';
}

bool PythonReader::take(char c) {
  if (peek() != c) return false;
  ++position_;
  return true;
}

void PythonReader::expect_next(char c, std::string_view what) {
  if (!take(c)) fail(concat("expected ", what));
}

std::string PythonReader::name(std::string_view what) {
  peek();
  const std::size_t begin = position_;
  while (position_ < text_.size() && is_name(text_[position_])) ++position_;
  if (begin == position_) fail(concat("expected ", what));
  return std::string(text_.substr(begin, position_ - begin));
}

Json PythonReader::value(int depth) {
  const char c = peek();
  if (depth > kDeepest) fail("too many brackets");
  count_value();
  if (c == '[') return list(']', depth);
  if (c == '(') return list(')', depth);
  if (c == '\'' || c == '"') return quoted();
  if (c == '-' || c == '.' || (c >= '0' && c <= '9')) return number();
  if (is_name(c)) return named_value(depth);
  fail("expected a list, a quoted name or a number");
}

void PythonReader::count_value() {
  if (++num_values_ > kMostValues) fail(concat("more than ", kMostValues, " values"));
}

Json PythonReader::list(char close, int depth) {
  ++position_;
  Json items = Json::array();
  while (!take(close)) {
    items.push_back(value(depth + 1));
    if (!take(',') && peek() != close) fail(concat("expected ',' or '", close, "'"));
  }
  return items;
}

std::string PythonReader::quoted() {
  const std::size_t begin = position_ + 1;
  const std::size_t end = text_.find(text_[position_], begin);
  const std::string_view word = text_.substr(begin, end - begin);
  if (end == std::string_view::npos || word.find('\n') != std::string_view::npos) {
    fail("a quote that does not end on its line");
  }
  position_ = end + 1;
  return std::string(word);
}

Json PythonReader::number() {
  const char* const begin = text_.data() + position_;
  const char* const end = text_.data() + text_.size();
  double real = 0.0;
  const auto [real_end, real_error] = std::from_chars(begin, end, real);
  if (real_error != std::errc()) fail("expected a number");
  int whole = 0;
  const auto [whole_end, whole_error] = std::from_chars(begin, end, whole);
  position_ += static_cast<std::size_t>(real_end - begin);
  if (whole_error == std::errc() && whole_end == real_end) return whole;
  return real;
}

/// None, nan, range(...), or a call that stands for its argument, perhaps with a module's name.
Json PythonReader::named_value(int depth) {
  const std::size_t begin = position_;
  std::string word = name("range(...)");
  while (take('.')) word = name(concat("a name after ", word, "."));
  if (peek() == '(') {
    if (word == "range") return range(depth);
    if (is_wrapper(word)) {
      const Json values = list(')', depth);
      if (values.size() == 1) return values[0];
      position_ = begin;
      fail(concat("expected one value in ", word, "(...)"));
    }
  } else if (word == "None" || word == "nan" || word == "inf") {
    return nullptr;
  }
  position_ = begin;
  fail("expected a list, a quoted name, a number, range(...) or list(...)");
}

Json PythonReader::range(int depth) {
  const std::size_t begin = position_;
  const Json bounds = list(')', depth);
  const bool is_good = !bounds.empty() && bounds.size() <= 3 &&
                       std::all_of(bounds.begin(), bounds.end(), [](const Json& bound) {
                         return bound.is_number_integer() && bound >= 0 && bound <= kMostNodes;
                       });
  const int step = is_good && bounds.size() == 3 ? bounds[2].get<int>() : 1;
  if (!is_good || step == 0) {
    position_ = begin;
    fail(concat("expected ", kRange, " with whole numbers from 0 to ", kMostNodes,
                " and a step of at least 1"));
  }
  const int first = bounds.size() == 1 ? 0 : bounds[0].get<int>();
  const int end = bounds[bounds.size() == 1 ? 0 : 1].get<int>();
  Json numbers = Json::array();
  for (int i = first; i < end; i += step) {
    count_value();
    numbers.push_back(i);
  }
  return numbers;
}

}  // namespace enas::space
