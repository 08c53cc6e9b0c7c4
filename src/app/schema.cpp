// SPDX-License-Identifier: Apache-2.0
#include "app/schema.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/error.hpp"

namespace enas::app {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kSections = {{
    {"run", "The run as a whole."},
    {"data", "What is learned from."},
    {"data.markov", "The embedded corpus: a sparse Markov source of known entropy rate."},
    {"space", "What can be sampled."},
    {"supernet", "The shared weights ω and how they are regularised."},
    {"search", "Rounds and strategy."},
    {"weights", "How ω is trained."},
    {"controller", "The policy π(m; θ) and how θ is trained."},
    {"validation", "What is measured at the end of a round."},
    {"checkpoint", "When state is written, and how much of it is kept."},
    {"reliability", "Checks of replicas, and what follows bad steps."},
    {"comm", "Communication between ranks."},
}};

std::vector<Key> all_keys() {
  std::vector<Key> keys = model_keys();
  for (Key& key : training_keys()) keys.push_back(std::move(key));
  return keys;
}

}  // namespace

const std::vector<Key>& schema() {
  static const std::vector<Key> keys = all_keys();
  return keys;
}

const Key* find_key(std::string_view name) {
  const auto& keys = schema();
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](const Key& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

std::string_view section_help(std::string_view section) {
  const auto* const found = std::find_if(kSections.begin(), kSections.end(),
                                         [&](const auto& entry) { return entry.first == section; });
  expect(found != kSections.end(), "every section of the schema has a help line");
  return found->second;
}

}  // namespace enas::app
