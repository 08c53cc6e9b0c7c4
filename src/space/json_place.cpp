// SPDX-License-Identifier: Apache-2.0
#include "space/json_place.hpp"

#include <algorithm>
#include <set>

#include "core/error.hpp"
#include "core/text.hpp"
#include "core/utf8.hpp"
#include "space/pasted_text.hpp"

namespace enas::space {
namespace {

constexpr int kDeepest = 64;  // bounds the recursion of printing
constexpr std::size_t kLineWidth = 100;
constexpr std::size_t kLongestShown = 60;
constexpr std::size_t kLongestSyntaxError = 200;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string shown(const Json& json) { return visible(dump(json), kLongestShown); }

std::string on_one_line(const Json& json) {
  if (!json.is_structured()) return dump(json);
  std::vector<std::string> items;
  for (const auto& [key, value] : json.items()) {
    items.push_back(json.is_object() ? concat(dump(key), ": ", on_one_line(value))
                                     : on_one_line(value));
  }
  return json.is_object() ? concat("{", join(items, ", "), "}")
                          : concat("[", join(items, ", "), "]");
}

/// `used` columns of the first line are taken.
std::string over_lines(const Json& json, std::size_t indent, std::size_t used) {
  const std::string line = on_one_line(json);
  if (used + line.size() < kLineWidth || !json.is_structured()) return line;
  const std::string margin(indent + 2, ' ');
  std::vector<std::string> items;
  for (const auto& [key, value] : json.items()) {
    const std::string start = json.is_object() ? concat(margin, dump(key), ": ") : margin;
    items.push_back(start + over_lines(value, indent + 2, start.size() + 1));
  }
  return concat(json.is_object() ? "{" : "[", "\n", join(items, ",\n"), "\n",
                std::string(indent, ' '), json.is_object() ? "}" : "]");
}

/// Refuses what the library would let pass: a key twice, and levels without end.
class Strictness {
 public:
  explicit Strictness(std::string_view file) : file_(file) {}

  bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    using Event = Json::parse_event_t;
    if (depth > kDeepest) {
      throw InputError(concat(file_, ": more than ", kDeepest, " levels of lists and objects"));
    }
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key && !keys_.back().insert(parsed.get<std::string>()).second) {
      throw InputError(concat(file_, ": the key ", shown(parsed), " appears twice in one object"));
    }
    return true;
  }

 private:
  std::string_view file_;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

Json json_from_text(std::string_view text, std::string_view file) {
  Strictness strictness(file);
  const std::string plain = json_with_plain_blanks(text, file);
  try {
    return Json::parse(plain, [&](int depth, Json::parse_event_t event, Json& parsed) {
      return strictness(depth, event, parsed);
    });
  } catch (const Json::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: …"
    const std::string_view message = error.what();
    const std::size_t end = message.find("] ");
    const std::string_view problem =
        end == std::string_view::npos ? message : message.substr(end + 2);
    throw InputError(concat(file, " is no JSON: ", visible(problem, kLongestSyntaxError)));
  }
}

std::string readable_json(const Json& json) {
  // The outermost level always takes several lines, so that files look alike.
  if (!json.is_object() || json.empty()) return over_lines(json, 0, 0) + "\n";
  std::vector<std::string> items;
  for (const auto& [key, value] : json.items()) {
    const std::string start = concat("  ", dump(key), ": ");
    items.push_back(start + over_lines(value, 2, start.size() + 1));
  }
  return concat("{\n", join(items, ",\n"), "\n}\n");
}

bool JsonPlace::has(std::string_view key) const {
  return value_->is_object() && value_->contains(key);
}

JsonPlace JsonPlace::member(const std::string& key) const {
  if (!value_->is_object()) refuse("an object");
  const std::string path = path_.empty() ? key : concat(path_, ".", key);
  const auto found = value_->find(key);
  if (found == value_->end()) throw InputError(concat(file_, ": ", path, " is missing"));
  return {*found, file_, path};
}

std::vector<JsonPlace> JsonPlace::items(std::string_view what, std::size_t fewest,
                                        std::size_t most) const {
  if (!value_->is_array()) refuse(what);
  if (value_->size() < fewest || value_->size() > most) {
    const bool too_few = value_->size() < fewest;
    fail(concat(value_->size(), value_->size() == 1 ? " item" : " items", ", but must be ", what,
                fewest == most ? " of length "
                : too_few      ? " of length at least "
                               : " of length at most ",
                too_few ? fewest : most));
  }
  std::vector<JsonPlace> places;
  for (std::size_t i = 0; i < value_->size(); ++i) {
    places.emplace_back((*value_)[i], file_, concat(path_, "[", i, "]"));
  }
  return places;
}

int JsonPlace::integer(int low, int high, std::string_view what) const {
  // A number beyond 64 bits is no integer for the library.
  const bool is_in_range = value_->is_number_integer() && *value_ >= low && *value_ <= high;
  if (!is_in_range) {
    refuse(low == high ? concat(what, ": ", low) : concat(what, ": ", low, " to ", high));
  }
  return value_->get<int>();
}

std::string JsonPlace::word(std::string_view what) const {
  if (!value_->is_string()) refuse(what);
  return value_->get<std::string>();
}

std::string JsonPlace::one_of(const std::vector<std::string>& words,
                              std::string (*remark)(std::string_view)) const {
  const std::string word = value_->is_string() ? value_->get<std::string>() : "";
  if (std::find(words.begin(), words.end(), word) != words.end()) return word;
  const std::string known = remark == nullptr ? "" : remark(word);
  const std::string meant = nearest(word, words);
  refuse(concat(words.size() == 1 ? "" : "one of ", join(words, ", "),
                !known.empty()   ? concat(" (", word, " is ", known, ")")
                : !meant.empty() ? concat(" (did you mean ", meant, "?)")
                                 : ""));
}

void JsonPlace::require_keys(const std::vector<std::string>& known) const {
  if (!value_->is_object()) refuse("an object");
  for (const auto& [key, value] : value_->items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string meant = nearest(key, known);
    fail(concat("unknown key ", shown(key),
                meant.empty() ? concat(": known are ", join(known, ", "))
                              : concat(", did you mean ", meant, "?")));
  }
}

std::vector<int> JsonPlace::set_of(int low, int high, std::string_view what) const {
  std::vector<int> numbers;
  for (const JsonPlace& item : items(concat("a list of numbers, each ", what), 0)) {
    numbers.push_back(item.integer(low, high, what));
    if (std::count(numbers.begin(), numbers.end(), numbers.back()) > 1) {
      item.fail(concat(numbers.back(), " appears twice"));
    }
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

void JsonPlace::refuse(std::string_view allowed) const {
  throw InputError(concat(file_, ": ", name(), " is ", shown(*value_), ", but must be ", allowed));
}

void JsonPlace::fail(std::string_view problem) const {
  throw InputError(concat(file_, ": ", name(), ": ", problem));
}

}  // namespace enas::space
