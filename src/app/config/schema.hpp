// SPDX-License-Identifier: Apache-2.0
// Every key that a configuration may hold, in the order in which files and pages show them.
#pragma once

#include <string_view>
#include <vector>

#include "app/config/key.hpp"

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
inline const std::vector<Scope> kRecurrent = {Scope::recurrent};
inline const std::vector<Scope> kMacro = {Scope::macro};
inline const std::vector<Scope> kMicro = {Scope::micro};
inline const std::vector<Scope> kTable = {Scope::table};
inline const std::vector<Scope> kCells = {Scope::recurrent, Scope::table};
inline const std::vector<Scope> kTrained = {Scope::recurrent, Scope::macro, Scope::micro};
inline const std::vector<Scope> kImages = {Scope::macro, Scope::micro};
/// The key, but for no other kinds than these.
Key only(const std::vector<Scope>& kinds, Key key);
std::vector<Key> only_all(const std::vector<Scope>& kinds, std::vector<Key> keys);

/// Ranges that several keys share.
/// A probability of dropping: below 1, since something must be kept.
constexpr Range dropping() { return {.low = 0.0, .high = 1.0, .without_high = true}; }
/// A decay per step: 1 would never forget.
constexpr Range decaying() { return dropping(); }
/// Initial weights are uniform in ± this. With 0, which float32 makes of less, all would be equal.
constexpr Range init_range() { return between(1e-6, 10); }
/// Something small that is added lest a quotient become infinite; float32 makes 0 of much less.
constexpr Range epsilon() { return between(1e-30, 1); }

}  // namespace enas::app
