// SPDX-License-Identifier: Apache-2.0
#include "app/config/key_relations.hpp"

#include <algorithm>
#include <array>

#include "app/config/schema.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::app {
namespace {

// How many examples a batch may have depends on the data and on the command: the task checks that.
constexpr std::array kBounds = {
    Bound{"weights.lr_min", "weights.lr"},
    Bound{"train.lr_min", "train.lr"},
    Bound{"data.markov.branching", "data.markov.vocabulary"},
    Bound{"data.markov.order", "data.markov.train_tokens", false},
    Bound{"data.markov.order", "data.markov.valid_tokens", false},
    Bound{"data.markov.order", "data.markov.test_tokens", false},
    Bound{"data.pad", "data.shapes.size", false},
    Bound{"data.cutout", "data.shapes.size", false},
};

/// Keys that are read only while another key has one of some values.
struct Reading {
  std::string_view keys;  ///< a key, or all of a section where a dot ends it
  std::string_view governing;
  std::vector<std::string_view> values;
};

const std::vector<Reading>& readings() {
  static const std::vector<Reading> all = {
      {"data.path", "data.source", {"folder", "cifar10", "cifar100", "hdf5"}},
      {"data.valid_size", "data.source", {"cifar10", "cifar100", "hdf5"}},
      {"data.markov.", "data.source", {"markov"}},
      {"data.shapes.", "data.source", {"shapes"}},
      {"weights.lr_decay", "weights.lr_schedule", {"decay"}},
      {"weights.lr_decay_start", "weights.lr_schedule", {"decay"}},
      {"weights.lr_restart_rounds", "weights.lr_schedule", {"cosine"}},
      {"weights.lr_restart_factor", "weights.lr_schedule", {"cosine"}},
      {"train.lr_decay", "train.lr_schedule", {"decay"}},
      {"train.lr_decay_start", "train.lr_schedule", {"decay"}},
      {"train.lr_restart_epochs", "train.lr_schedule", {"cosine"}},
      {"train.lr_restart_factor", "train.lr_schedule", {"cosine"}},
      {"train.averaging_patience", "train.averaging", {"triggered"}},
  };
  return all;
}

bool covers(const Reading& reading, std::string_view key) {
  return reading.keys.ends_with('.') ? key.starts_with(reading.keys) : key == reading.keys;
}

/// The key where it is in force; nullptr where the kind of space has none, or nothing reads it.
const Key* in_force(std::string_view name, const Settings& settings) {
  const Key* key = find_key(name);
  expect(key != nullptr, "a bound is between keys");
  const bool is_read = key->belongs_to(scope_of(settings)) && why_ignored(*key, settings).empty();
  return is_read ? key : nullptr;
}

/// Of a bound: both are numbers.
double number_in(const Key& key, const Settings& settings) {
  const Value value = key.value_in(settings);
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  return std::get<double>(value);
}

}  // namespace

std::span<const Bound> bounds() { return kBounds; }

std::vector<std::string> broken_bounds(const Settings& settings) {
  std::vector<std::string> problems;
  for (const Bound& bound : kBounds) {
    const Key* smaller = in_force(bound.smaller, settings);
    const Key* larger = in_force(bound.larger, settings);
    if (smaller == nullptr || larger == nullptr) continue;
    const double value = number_in(*smaller, settings);
    const double limit = number_in(*larger, settings);
    if (value < limit || (bound.may_be_equal && value == limit)) continue;
    problems.push_back(concat(bound.smaller, " (", value, ") must be ",
                              bound.may_be_equal ? "at most " : "below ", bound.larger, " (", limit,
                              ")"));
  }
  return problems;
}

std::string why_ignored(const Key& key, const Settings& settings) {
  for (const Reading& reading : readings()) {
    if (!covers(reading, key.name)) continue;
    const Key* governing = find_key(reading.governing);
    const Value value = governing->value_in(settings);
    const auto& allowed = reading.values;
    if (std::find(allowed.begin(), allowed.end(), std::get<std::string>(value)) == allowed.end()) {
      return concat(reading.governing, " = ", toml_text(value));
    }
  }
  return "";
}

}  // namespace enas::app
