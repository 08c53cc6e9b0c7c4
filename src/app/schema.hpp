// SPDX-License-Identifier: Apache-2.0
// Every key that a configuration may hold, in the order in which files and pages show them.
#pragma once

#include <string_view>
#include <vector>

#include "app/key.hpp"

namespace enas::app {

const std::vector<Key>& schema();

/// nullptr when there is no such key.
const Key* find_key(std::string_view name);

/// What a section is about, one line.
std::string_view section_help(std::string_view section);

/// The two halves of schema(): what is searched on, and how it is trained and kept.
std::vector<Key> model_keys();
std::vector<Key> training_keys();

/// Ranges that several keys share.
constexpr Range at_least(double low) { return {.low = low}; }
constexpr Range above(double low) { return {.low = low, .without_low = true}; }
constexpr Range between(double low, double high) { return {.low = low, .high = high}; }
/// A probability of dropping: below 1, since something must be kept.
constexpr Range dropping() { return {.low = 0.0, .high = 1.0, .without_high = true}; }

}  // namespace enas::app
