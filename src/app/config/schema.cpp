// SPDX-License-Identifier: Apache-2.0
#include "app/config/schema.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/error.hpp"

namespace enas::app {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kSections = {{
    {"run", "The run as a whole."},
    {"data", "What is learned from."},
    {"data.markov", "The embedded corpus: a sparse Markov source of known entropy rate."},
    {"data.shapes", "The embedded images: textured shapes of varying place, size and colour."},
    {"space", "What can be sampled."},
    {"supernet", "The shared weights ω and how they are regularised."},
    {"search", "Rounds and strategy."},
    {"evaluation", "What children are scored by, besides shared weights."},
    {"weights", "How ω is trained."},
    {"controller", "The policy π(m; θ) and how θ is trained."},
    {"validation", "What is measured at the end of a round."},
    {"train", "How one architecture is trained from scratch."},
    {"checkpoint", "When state is written, and how much of it is kept."},
    {"reliability", "Checks of replicas, and what follows bad steps."},
    {"comm", "Communication between ranks."},
}};

}  // namespace

std::vector<Key> joined(std::vector<std::vector<Key>> parts) {
  std::vector<Key> keys;
  for (auto& part : parts) {
    for (Key& key : part) keys.push_back(std::move(key));
  }
  return keys;
}

Key only(const std::vector<Scope>& kinds, Key key) {
  std::erase_if(key.kinds, [&](Scope kind) {
    return std::find(kinds.begin(), kinds.end(), kind) == kinds.end();
  });
  return key;
}

std::vector<Key> only_all(const std::vector<Scope>& kinds, std::vector<Key> keys) {
  for (Key& key : keys) key = only(kinds, std::move(key));
  return keys;
}

const std::vector<Key>& schema() {
  static const std::vector<Key> keys =
      joined({run_and_data_keys(), space_and_supernet_keys(), search_and_weight_keys(),
              controller_keys(), train_keys(), upkeep_keys()});
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
