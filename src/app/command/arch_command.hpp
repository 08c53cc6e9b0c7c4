// SPDX-License-Identifier: Apache-2.0
// `enas_hpc arch`: architectures shown, converted and listed.
#pragma once

#include <string>

#include "core/log.hpp"

namespace CLI {
class App;
}

namespace enas::app {

/// What belongs to `arch` alone. Counts are 0 where they were not given.
struct ArchLine {
  std::string action;  ///< "show", "convert" or "list"
  std::string source;  ///< file, "-" or the name of a shipped architecture
  bool dot = false;
  int hidden = 0;
  int vocabulary = 0;
  int layers = 0;
  int filters = 0;
  bool released = false;
  std::string from;   ///< format; "" for the native one
  std::string space;  ///< "" when not given
  int nth = 0;        ///< of several genotypes, from 1
  std::string to;
  std::string out;   ///< file; "" for stdout
  std::string name;  ///< "" to keep what the source says
};

/// Adds the subcommand. `json` becomes true by --json.
void add_arch(CLI::App& app, ArchLine& line, bool& json);

/// Does what the line asks for. Throws ConfigError and InputError.
void run_arch_on_root(Log& log, const ArchLine& line, bool json);

}  // namespace enas::app
