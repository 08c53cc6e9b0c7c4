// SPDX-License-Identifier: Apache-2.0
// JSON as people write it: read strictly, with the place of everything that is wrong.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.hpp"

namespace enas::space {

/// One JSON value that fills the text; no key twice, at most 64 levels. White space may be any of
/// Unicode's. Throws InputError naming file, line and column.
Json json_from_text(std::string_view text, std::string_view file);

/// On one line what fits there, two blanks a level, a line end at the end.
std::string readable_json(const Json& json);

/// A value and where it stands. Refers to the JSON and to the file's name, which must outlive it.
/// All members throw InputError saying what stands where, and what is allowed there.
class JsonPlace {
 public:
  JsonPlace(const Json& value, std::string_view file, std::string path = "")
      : value_(&value), file_(file), path_(std::move(path)) {}

  const Json& value() const { return *value_; }
  bool has(std::string_view key) const;
  /// A member that must be there.
  JsonPlace member(const std::string& key) const;
  /// The items of a list with `fewest` to `most` items. `what` says what is allowed: "a list of …".
  std::vector<JsonPlace> items(std::string_view what, std::size_t fewest,
                               std::size_t most = std::numeric_limits<std::size_t>::max()) const;
  /// A whole number. `what` says what it is: "an earlier node".
  int integer(int low, int high, std::string_view what) const;
  std::string word(std::string_view what) const;
  /// One of these words. `remark` says what is known about a word that is none of them, or "".
  std::string one_of(const std::vector<std::string>& words,
                     std::string (*remark)(std::string_view word) = nullptr) const;
  /// An object with no other keys than these.
  void require_keys(const std::vector<std::string>& known) const;
  /// Different whole numbers between low and high, ascending.
  std::vector<int> set_of(int low, int high, std::string_view what) const;

  /// "FILE: PATH is VALUE: must be ALLOWED".
  [[noreturn]] void refuse(std::string_view allowed) const;
  /// "FILE: PATH: PROBLEM".
  [[noreturn]] void fail(std::string_view problem) const;

 private:
  std::string name() const { return path_.empty() ? "the top level" : path_; }

  const Json* value_;
  std::string_view file_;
  std::string path_;
};

}  // namespace enas::space
