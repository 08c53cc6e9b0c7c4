// SPDX-License-Identifier: Apache-2.0
#include "app/config/key.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::app {
namespace {

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

std::string toml_string(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

/// The shortest digits that give the same double again, always recognisable as a float.
std::string float_text(double value) {
  std::string text = shortest_digits(value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

std::string kind_of(const Value& value) {
  return std::visit(
      Overloaded{[](bool) { return std::string("a boolean"); },
                 [](std::int64_t) { return std::string("an integer"); },
                 [](double) { return std::string("a float"); },
                 [](const std::string&) { return std::string("a string"); },
                 [](const std::vector<std::string>&) { return std::string("a list of strings"); },
                 [](const OtherValue& other) { return other.what; }},
      value);
}

/// A value in a message: long ones are cut, since they come from files of any kind.
std::string shown(const Value& value) {
  if (const auto* other = std::get_if<OtherValue>(&value)) return other->what;
  const std::string text = toml_text(value);
  return text.size() <= 60 ? text : concat(text.substr(0, 57), "...");
}

std::string wrong_type(std::string_view wanted, const Value& value) {
  if (std::holds_alternative<OtherValue>(value)) {
    return concat("must be ", wanted, ", not ", shown(value));
  }
  return concat("must be ", wanted, ", not ", kind_of(value), " (", shown(value), ")");
}

std::string out_of_range(const Range& range, const Value& value) {
  return concat("must be ", range.text(), ", is ", shown(value));
}

/// What is allowed of `range` in a member of this type.
template <typename Integer>
Range within(Range range) {
  using Limits = std::numeric_limits<Integer>;
  range.low = std::max(range.low, static_cast<double>(Limits::min()));
  if constexpr (sizeof(Integer) < sizeof(std::int64_t)) {
    range.high = std::min(range.high, static_cast<double>(Limits::max()));
  }
  return range;
}

template <typename Integer>
std::optional<std::string> assign_integer(const Range& range, const Value& value, Integer& place) {
  const auto* number = std::get_if<std::int64_t>(&value);
  if (number == nullptr) return wrong_type("an integer", value);
  const Range allowed = within<Integer>(range);
  if (!allowed.contains(static_cast<double>(*number))) return out_of_range(allowed, value);
  place = static_cast<Integer>(*number);
  return std::nullopt;
}

std::optional<std::string> assign_float(const Range& range, const Value& value, double& place) {
  double number = 0.0;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    number = static_cast<double>(*integer);
  } else if (const auto* real = std::get_if<double>(&value)) {
    number = *real;
  } else {
    return wrong_type("a number", value);
  }
  if (!std::isfinite(number)) return concat("must be a finite number, is ", shown(value));
  if (!range.contains(number)) return out_of_range(range, value);
  place = number;
  return std::nullopt;
}

std::optional<std::string> assign_choice(const Choice& choice, const Value& value,
                                         Settings& settings) {
  const auto* text = std::get_if<std::string>(&value);
  const std::string wanted = concat("one of \"", join(choice.names, "\", \""), "\"");
  if (text == nullptr) return wrong_type(wanted, value);
  const auto found = std::find(choice.names.begin(), choice.names.end(), *text);
  if (found != choice.names.end()) {
    choice.set(settings, static_cast<int>(found - choice.names.begin()));
    return std::nullopt;
  }
  const std::string near = nearest(*text, choice.names);
  return concat("must be ", wanted, ", is ", shown(value),
                near.empty() ? "" : concat("; did you mean \"", near, "\"?"));
}

void parse_name(std::string_view name, space::Activation& activation) {
  activation = space::activation_from_name(name);
}

void parse_name(std::string_view name, space::Operation& operation) {
  operation = space::operation_from_name(name);
}

template <typename Enumerator>
std::optional<std::string> assign_list(std::string_view what, const Value& value,
                                       std::vector<Enumerator>& place) {
  const auto* names = std::get_if<std::vector<std::string>>(&value);
  if (names == nullptr) return wrong_type(concat("a list of ", what, "s"), value);
  if (names->empty()) return concat("must name at least one ", what, ", is []");
  std::vector<Enumerator> items;
  for (const std::string& name : *names) {
    try {
      parse_name(name, items.emplace_back());
    } catch (const Error& error) {
      return concat("has an ", error.what());
    }
    if (std::count(items.begin(), items.end(), items.back()) > 1) {
      return concat("names \"", name, "\" twice");
    }
  }
  place = std::move(items);
  return std::nullopt;
}

template <typename Enumerator>
Value list_value(const std::vector<Enumerator>& items) {
  std::vector<std::string> names;
  for (const Enumerator item : items) names.emplace_back(name_of(item));
  return names;
}

}  // namespace

std::string toml_text(const Value& value) {
  return std::visit(Overloaded{[](bool flag) { return std::string(flag ? "true" : "false"); },
                               [](std::int64_t number) { return std::to_string(number); },
                               [](double number) { return float_text(number); },
                               [](const std::string& text) { return toml_string(text); },
                               [](const std::vector<std::string>& items) {
                                 std::vector<std::string> parts;
                                 for (const auto& item : items) parts.push_back(toml_string(item));
                                 return concat("[", join(parts, ", "), "]");
                               },
                               [](const OtherValue& other) { return other.what; }},
                    value);
}

bool Key::belongs_to(Scope kind) const {
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

std::string Key::section() const {
  const auto dot = name.rfind('.');
  return dot == std::string::npos ? "" : name.substr(0, dot);
}

std::string Key::short_name() const {
  const auto dot = name.rfind('.');
  return dot == std::string::npos ? name : name.substr(dot + 1);
}

std::string Key::allowed() const {
  const auto with_range = [&](std::string_view type) {
    const std::string numbers = range.text();
    return numbers.empty() ? std::string(type) : concat(type, ", ", numbers);
  };
  return std::visit(
      Overloaded{
          [](Member<bool>) { return std::string("true or false"); },
          [&](Member<double>) { return with_range("number"); },
          [](Member<std::string>) { return std::string("string"); },
          [](Member<std::vector<space::Activation>>) {
            return std::string(R"(list of "tanh", "relu", "identity", "sigmoid")");
          },
          [](Member<std::vector<space::Operation>>) {
            return std::string(R"(list of "conv_3x3", "sep_conv_3x3", "conv_5x5", "sep_conv_5x5", )"
                               R"("avg_pool_3x3", "max_pool_3x3", "identity")");
          },
          [](const Choice& choice) { return concat("\"", join(choice.names, "\" or \""), "\""); },
          [&](auto) { return with_range("integer"); }},
      place);
}

bool Key::takes_text() const {
  return std::holds_alternative<Member<std::string>>(place) ||
         std::holds_alternative<Choice>(place);
}

namespace {

template <typename T>
std::optional<std::string> read_as(std::string_view text, const Range& range, Value& value) {
  if constexpr (std::is_same_v<T, double>) {
    return read_number(text, range, value.emplace<double>());
  } else {
    return read_whole(text, within<T>(range), value.emplace<std::int64_t>());
  }
}

}  // namespace

bool Key::takes_number() const {
  return std::holds_alternative<Member<double>>(place) ||
         std::holds_alternative<Member<int>>(place) ||
         std::holds_alternative<Member<std::int64_t>>(place) ||
         std::holds_alternative<Member<std::uint64_t>>(place);
}

std::optional<std::string> Key::read_typed(std::string_view text, Value& value) const {
  expect(takes_number(), "only numbers are read as such");
  return std::visit(
      Overloaded{[&](Member<double>) { return read_as<double>(text, range, value); },
                 [&](Member<int>) { return read_as<int>(text, range, value); },
                 [&](Member<std::uint64_t>) { return read_as<std::uint64_t>(text, range, value); },
                 [&](const auto&) { return read_as<std::int64_t>(text, range, value); }},
      place);
}

Value Key::value_in(Settings settings) const {
  return std::visit(
      Overloaded{[&](Member<bool> member) { return Value(member(settings)); },
                 [&](Member<double> member) { return Value(member(settings)); },
                 [&](Member<std::string> member) { return Value(member(settings)); },
                 [&](Member<std::vector<space::Activation>> member) {
                   return list_value(member(settings));
                 },
                 [&](Member<std::vector<space::Operation>> member) {
                   return list_value(member(settings));
                 },
                 [&](const Choice& choice) {
                   return Value(choice.names.at(static_cast<std::size_t>(choice.get(settings))));
                 },
                 [&](auto member) { return Value(static_cast<std::int64_t>(member(settings))); }},
      place);
}

std::optional<std::string> Key::assign(const Value& value, Settings& settings) const {
  using Problem = std::optional<std::string>;
  return std::visit(
      Overloaded{
          [&](Member<bool> member) -> Problem {
            const auto* flag = std::get_if<bool>(&value);
            if (flag == nullptr) return wrong_type("true or false", value);
            member(settings) = *flag;
            return std::nullopt;
          },
          [&](Member<double> member) -> Problem {
            return assign_float(range, value, member(settings));
          },
          [&](Member<std::string> member) -> Problem {
            const auto* text = std::get_if<std::string>(&value);
            if (text == nullptr) return wrong_type("a string", value);
            member(settings) = *text;
            return std::nullopt;
          },
          [&](Member<std::vector<space::Activation>> member) -> Problem {
            return assign_list("activation", value, member(settings));
          },
          [&](Member<std::vector<space::Operation>> member) -> Problem {
            return assign_list("operation", value, member(settings));
          },
          [&](const Choice& choice) -> Problem { return assign_choice(choice, value, settings); },
          [&](auto member) -> Problem { return assign_integer(range, value, member(settings)); }},
      place);
}

}  // namespace enas::app
