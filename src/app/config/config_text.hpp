// SPDX-License-Identifier: Apache-2.0
// Configurations and the schema as text: TOML with every key, one key explained.
#pragma once

#include <string>

#include "app/config/key.hpp"
#include "core/json.hpp"

namespace enas::app {

/// Every key of the settings' kind of space with the value in force, as a checkpoint and
/// RUN/config.toml hold it.
run::ConfigRecord config_record(const Settings& settings, const std::string& preset);
/// The same for the training of one architecture, which depends on other keys than a search.
run::ConfigRecord training_record(const Settings& settings, const std::string& preset);

/// The defaults for a kind of space as a configuration with a comment for every key.
std::string defaults_toml(Scope kind);
/// The schema: one object a key.
Json schema_json();

/// "integer, at least 1 (children)": what the key may be and its unit.
std::string facts(const Key& key);

/// What the key `preset` is about, one line.
std::string_view preset_key_help();

/// One key. Throws ConfigError (64) with the nearest name when there is none.
std::string explain(const std::string& name);
Json explain_json(const std::string& name);

}  // namespace enas::app
