// SPDX-License-Identifier: Apache-2.0
// An architecture as a file: names only, with where it comes from. docs/formats.md has the schema.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.hpp"
#include "space/typed_view.hpp"

namespace enas::space {

struct ArchitectureFile {
  TypedView network;
  std::string name = {};
  Json origin = nullptr;   ///< an object, or null: the run's seed, configuration and program
  Json metrics = nullptr;  ///< an object, or null: what ranked it
  std::vector<std::string> notes = {};  ///< for who reads it in; part of no file
};

/// The native format, with keys in a fixed order.
Json architecture_json(const ArchitectureFile& file);
/// The same as text; equal files give equal bytes.
std::string architecture_text(const ArchitectureFile& file);

/// Reads the native format, and best.json of a search. Throws InputError saying where in `file`
/// (a name for messages) what stands, and what is allowed there.
ArchitectureFile architecture_from_json(const Json& json, std::string_view file);

/// An existing file, or the name of a shipped architecture. Throws InputError (66 when it is
/// neither).
ArchitectureFile load_architecture(const std::string& name_or_path);

struct ShippedArchitecture {
  std::string_view name;
  std::string_view text;  ///< in the native format
};
/// configs/architectures as it was when the program was built, by name.
std::span<const ShippedArchitecture> shipped_architectures();

/// The bytes of a file. Throws InputError (66 when it is missing or not readable, 65 when it is no
/// plain file or has more than 16 MiB).
std::string architecture_file_bytes(const std::string& path);

}  // namespace enas::space
