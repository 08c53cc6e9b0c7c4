// SPDX-License-Identifier: Apache-2.0
// One key of a configuration file: its name, its place in Settings, what it may hold and
// what it means. Reading, checking, writing and documenting configurations all follow from a list
// of these.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/config/settings.hpp"
#include "core/number.hpp"

namespace enas::app {

/// A TOML value that no key takes (a date, a table, a list of numbers), by its name in messages.
struct OtherValue {
  std::string what;
  bool operator==(const OtherValue&) const = default;
};
using Value =
    std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>, OtherValue>;

/// The value as TOML; parsing it again gives the same value.
std::string toml_text(const Value& value);

/// An enumeration as the names of its values, in the order of its enumerators.
struct Choice {
  std::vector<std::string> names;
  int (*get)(const Settings&);
  void (*set)(Settings&, int);
};

template <typename T>
using Member = T& (*)(Settings&);
using Place =
    std::variant<Member<bool>, Member<int>, Member<std::int64_t>, Member<std::uint64_t>,
                 Member<double>, Member<std::string>, Member<std::vector<space::Activation>>,
                 Member<std::vector<space::Operation>>, Choice>;

/// A resumed run must have the same value of an identity key; others may change.
enum class Role { identity, adjustable };

struct Key {
  std::string name;  ///< "weights.slots"
  Place place;       ///< may depend on the settings' space.kind
  Range range;
  std::string unit;  ///< "" for none
  std::string help;  ///< one line
  Role role = Role::identity;
  std::vector<Scope> kinds = {Scope::recurrent, Scope::macro, Scope::micro, Scope::table};

  bool belongs_to(Scope kind) const;
  /// "weights" and "slots".
  std::string section() const;
  std::string short_name() const;
  /// "integer, at least 1".
  std::string allowed() const;
  /// True when the value is text: a string or one of some names.
  bool takes_text() const;
  /// True when the value is a number.
  bool takes_number() const;
  /// Stores the number that somebody typed. Returns what is wrong with it ("must be ...") when it
  /// is none or is not allowed.
  std::optional<std::string> read_typed(std::string_view text, Value& value) const;
  Value value_in(Settings settings) const;
  /// Stores the value. Returns what is wrong with it ("must be ...") and stores nothing when it
  /// does not fit.
  std::optional<std::string> assign(const Value& value, Settings& settings) const;
};

/// The member at the end of a chain of members, for Key::place.
template <auto... kMembers>
auto& at(Settings& settings) {
  return (settings.*....*kMembers);
}

/// The member of either image space, whichever is in force.
template <auto kOptions, auto kMacro, auto kMicro>
auto& of_images(Settings& settings) {
  auto& options = settings.*kOptions;
  return settings.space.kind == space::SpaceKind::macro ? options.macro.*kMacro
                                                        : options.micro.*kMicro;
}

template <auto... kMembers>
Choice choice_at(std::vector<std::string> names) {
  return {std::move(names),
          [](const Settings& settings) { return static_cast<int>((settings.*....*kMembers)); },
          [](Settings& settings, int index) {
            auto& member = (settings.*....*kMembers);
            member = static_cast<std::remove_reference_t<decltype(member)>>(index);
          }};
}

/// The same where a function finds the member.
template <auto kMember>
Choice choice_of(std::vector<std::string> names) {
  return {std::move(names),
          [](const Settings& settings) {
            Settings copy = settings;
            return static_cast<int>(kMember(copy));
          },
          [](Settings& settings, int index) {
            auto& member = kMember(settings);
            member = static_cast<std::remove_reference_t<decltype(member)>>(index);
          }};
}

}  // namespace enas::app
