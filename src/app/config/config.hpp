// SPDX-License-Identifier: Apache-2.0
// From the text of a configuration and --set options to Settings, or to all that is wrong.
#pragma once

#include <string>
#include <vector>

#include "app/config/key.hpp"
#include "core/error.hpp"

namespace enas::app {

/// Everything that is wrong with a configuration; what() holds one line a problem. Exit code 65.
class ConfigProblems : public ConfigError {
 public:
  explicit ConfigProblems(std::vector<std::string> problems);
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  std::vector<std::string> problems_;
};

struct Config {
  std::string preset = "default";
  Settings settings;
  int num_keys_set = 0;               ///< in the file
  bool threads_by_option = false;     ///< --set run.threads was given
  std::vector<std::string> warnings;  ///< keys that were set and are not read, a line each
};

/// The preset for the space.kind of `sets` or the file, then the file's keys, then `sets`
/// ("weights.slots=4", the last one wins). `name` is what messages call the file. Throws
/// ConfigError with one line for every problem (65), or for a --set that is no key=value (64).
Config read_config(std::string_view text, const std::string& name,
                   const std::vector<std::string>& sets);

/// The scope that `sets` ask for, recurrent when there are none. Throws ConfigError for any key but
/// space.kind and search.evaluation (64) and for values that they do not have (65).
Scope scope_of_sets(const std::vector<std::string>& sets);

/// Throws ConfigError (65) where a table stands in for every training.
void check_trainable(const Settings& settings);
/// Throws ConfigError (65) naming both when there are more ranks than slots.
void check_ranks(const Settings& settings, int num_ranks);
/// The same for a training.
void check_training_ranks(const Settings& settings, int num_ranks);

}  // namespace enas::app
