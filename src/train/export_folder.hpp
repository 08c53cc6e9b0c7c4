// SPDX-License-Identifier: Apache-2.0
// A folder of the user's that an export is written into.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/json.hpp"

namespace enas::train {

struct ExportFile {
  std::string name;
  std::string content;
};

/// Makes the folder if need be. Throws ConfigError: 73 (cannot be made, or holds a file of one of
/// these names, or an export.json, that no export wrote or that was changed since), 77.
void check_export_folder(const std::filesystem::path& folder, const std::vector<ExportFile>& files);

/// Writes the files and then export.json: `description` with the digest of each file, by which the
/// next export knows them. Throws ConfigError (73, 77), SystemError.
void write_export(const std::filesystem::path& folder, const std::vector<ExportFile>& files,
                  Json description);

}  // namespace enas::train
