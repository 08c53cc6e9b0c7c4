// SPDX-License-Identifier: Apache-2.0
// Values as Python prints them, read as JSON: lists, names in quotes, numbers, range(...), None.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "core/json.hpp"

namespace enas::space {

/// Recursive descent over a text that must outlive it. Blanks and comments count nowhere.
/// Everything that reads throws InputError naming file, line and column where something else
/// stands.
class PythonReader {
 public:
  /// `file` is what messages call the text.
  PythonReader(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  /// Goes on reading there.
  void move_to(std::size_t position) { position_ = position; }
  /// Of what is read next, from 1.
  int line() const;
  /// Ends every message from now on.
  void set_note(std::string note) { note_ = std::move(note); }
  [[noreturn]] void fail(std::string_view problem) const;

  /// The next character that counts; '\0' at the end.
  char peek();
  /// Skips the next character if it is this one.
  bool take(char c);
  /// The same, and fails with "expected <what>" if it is not.
  void expect_next(char c, std::string_view what);
  /// Letters, digits and underscores; fails with "expected <what>" where there are none.
  std::string name(std::string_view what);
  /// What stands between the quotes; the next character is one.
  std::string quoted();
  /// A list or tuple, a quoted name, a number, range(...), None, or a call that only wraps one of
  /// these, such as array([1, 2]).
  Json value() { return value(0); }

 private:
  Json value(int depth);
  Json list(char close, int depth);
  Json number();
  Json named_value(int depth);
  Json range(int depth);
  void count_value();

  std::string_view text_;
  std::string_view file_;
  std::string note_;
  std::size_t position_ = 0;
  int num_values_ = 0;
};

}  // namespace enas::space
