// SPDX-License-Identifier: Apache-2.0
// Every key of a configuration file, in its place; and what each part of the program gets of it.
#pragma once

#include <string>
#include <vector>

#include "search/settings.hpp"
#include "train/options.hpp"

namespace enas::app {

/// A search and the trainings of what it finds, which share data, space and run.
struct Settings : search::Settings {
  train::Options train;
};

/// What a training gets.
train::Settings training_settings(const Settings& settings);

/// What decides which keys a configuration has and what they default to: the kind of space, and
/// whether its children are looked up in a table, of which there are recurrent ones alone.
enum class Scope { recurrent, macro, micro, table };

Scope scope_of(const search::Settings& settings);
/// "recurrent", "macro", "micro" and "table", in the order of the enumerators.
const std::vector<std::string>& scope_names();
std::string name_of(Scope scope);
/// Whether networks for images are searched.
constexpr bool is_of_images(Scope scope) { return scope == Scope::macro || scope == Scope::micro; }
/// Puts the kind of space and the evaluation of this scope into the settings.
void set_scope(Scope scope, Settings& settings);

}  // namespace enas::app
