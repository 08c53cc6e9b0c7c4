// SPDX-License-Identifier: Apache-2.0
// `enas_hpc doctor` and `--version`: what this binary was built from and where it runs.
#pragma once

#include <filesystem>

#include "comm/world.hpp"

namespace enas::app {

/// Collective. Prints the report on rank 0. Throws ConfigError (73, 74, 77) after it when the write
/// test failed.
void run_doctor(comm::World& world, const std::filesystem::path& folder, bool json);

/// Collective. Prints the program's and its libraries' versions on rank 0.
void print_versions(comm::World& world, bool json);

}  // namespace enas::app
