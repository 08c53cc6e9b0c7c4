// SPDX-License-Identifier: Apache-2.0
// Architectures in the forms of other programs. docs/formats.md says what each cannot carry.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "space/architecture_file.hpp"

namespace enas::space {

enum class ArchitectureFormat {
  json,       ///< the native one
  tf,         ///< strings of numbers of the authors' melodyguan/enas
  enas_lm,    ///< strings of numbers of the authors' enas_lm
  darts,      ///< Genotype(...) of quark0/darts
  nni,        ///< the flat object of NNI v2 and v3 for its ENAS space
  carpedm20,  ///< dag.json of carpedm20/ENAS-pytorch
};

/// In the order of ArchitectureFormat.
const std::vector<std::string>& architecture_format_names();
/// Throws InputError listing the known names.
ArchitectureFormat architecture_format_from_name(std::string_view name);

/// `space` is needed where a format does not tell it (tf) and must be right where it does. The
/// format is never guessed: strings of tf and enas_lm differ only in what their numbers mean.
/// `file` is a name for messages. `nth` is for darts: which of several genotypes, from 1; 0 for the
/// last. Throws InputError saying what is wrong where.
ArchitectureFile import_architecture(ArchitectureFormat format, std::optional<SpaceKind> space,
                                     std::string_view text, std::string_view file, int nth = 0);

/// Text with a line end. Throws InputError saying why the format cannot carry the architecture.
std::string export_architecture(ArchitectureFormat format, const ArchitectureFile& file);

}  // namespace enas::space
