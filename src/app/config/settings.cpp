// SPDX-License-Identifier: Apache-2.0
#include "app/config/settings.hpp"

namespace enas::app {

train::Settings training_settings(const Settings& settings) {
  return {settings.run, settings.data, settings.space, settings.train};
}

Scope scope_of(const search::Settings& settings) {
  if (settings.evaluation.kind == search::Evaluation::table) return Scope::table;
  return static_cast<Scope>(settings.space.kind);
}

const std::vector<std::string>& scope_names() {
  static const std::vector<std::string> names = {"recurrent", "macro", "micro", "table"};
  return names;
}

std::string name_of(Scope scope) { return scope_names()[static_cast<std::size_t>(scope)]; }

void set_scope(Scope scope, Settings& settings) {
  const bool is_table = scope == Scope::table;
  settings.evaluation.kind = is_table ? search::Evaluation::table : search::Evaluation::shared;
  settings.space.kind =
      is_table ? space::SpaceKind::recurrent : static_cast<space::SpaceKind>(scope);
}

}  // namespace enas::app
