// SPDX-License-Identifier: Apache-2.0
// Configurations and the schema as text: TOML with every key, the reference page, one key
// explained.
#pragma once

#include <string>

#include "app/key.hpp"
#include "core/json.hpp"

namespace enas::app {

/// Every key with the value in force, as a checkpoint and RUN/config.toml hold it.
search::ConfigRecord config_record(const Settings& settings, const std::string& preset);

/// The defaults as a configuration with a comment for every key.
std::string defaults_toml();
/// The schema: one object a key.
Json schema_json();
/// docs/config.md.
std::string reference_markdown();

/// One key. Throws ConfigError (64) with the nearest name when there is none.
std::string explain(const std::string& name);
Json explain_json(const std::string& name);

}  // namespace enas::app
