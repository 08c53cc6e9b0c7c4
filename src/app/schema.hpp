// SPDX-License-Identifier: Apache-2.0
// Every key that a configuration may hold, in the order in which files and pages show them.
#pragma once

#include <string_view>
#include <vector>

#include "app/key.hpp"

namespace enas::app {

const std::vector<Key>& schema();

/// nullptr when no kind of space has such a key.
const Key* find_key(std::string_view name);

/// What a section is about, one line.
std::string_view section_help(std::string_view section);

/// The parts of schema(), in its order.
std::vector<Key> run_and_data_keys();
std::vector<Key> space_and_supernet_keys();
std::vector<Key> search_and_weight_keys();
std::vector<Key> controller_keys();
std::vector<Key> train_keys();
std::vector<Key> upkeep_keys();
std::vector<Key> joined(std::vector<std::vector<Key>> parts);

/// Kinds of space that a key may belong to, besides all of them.
inline const std::vector<SpaceKind> kRecurrent = {SpaceKind::recurrent};
inline const std::vector<SpaceKind> kMacro = {SpaceKind::macro};
inline const std::vector<SpaceKind> kMicro = {SpaceKind::micro};
inline const std::vector<SpaceKind> kTabular = {SpaceKind::tabular};
inline const std::vector<SpaceKind> kCells = {SpaceKind::recurrent, SpaceKind::tabular};
inline const std::vector<SpaceKind> kTrained = {SpaceKind::recurrent, SpaceKind::macro,
                                                SpaceKind::micro};
inline const std::vector<SpaceKind> kImages = {SpaceKind::macro, SpaceKind::micro};
/// The key, but for no other kinds than these.
Key only(const std::vector<SpaceKind>& kinds, Key key);
std::vector<Key> only_all(const std::vector<SpaceKind>& kinds, std::vector<Key> keys);

/// Ranges that several keys share.
constexpr Range at_least(double low) { return {.low = low}; }
constexpr Range above(double low) { return {.low = low, .without_low = true}; }
constexpr Range between(double low, double high) { return {.low = low, .high = high}; }
/// A probability of dropping: below 1, since something must be kept.
constexpr Range dropping() { return {.low = 0.0, .high = 1.0, .without_high = true}; }
/// A decay per step: 1 would never forget.
constexpr Range decaying() { return dropping(); }
/// Something small that is added lest a quotient become infinite.
constexpr Range epsilon() { return {.low = 0.0, .high = 1.0, .without_low = true}; }

}  // namespace enas::app
