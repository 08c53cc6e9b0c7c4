// SPDX-License-Identifier: Apache-2.0
// Any bytes as an architecture in each format: read, or refused with an error of ours.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/error.hpp"
#include "space/formats/formats.hpp"

namespace enas::space {

void read_and_write(ArchitectureFormat format, std::optional<SpaceKind> kind,
                    std::string_view text) {
  std::optional<ArchitectureFile> file;
  try {
    file = import_architecture(format, kind, text, "fuzz");
  } catch (const Error& error) {
    if (error.code() == ExitCode::internal) throw;
    return;
  }
  for (const auto& name : architecture_format_names()) {
    try {
      export_architecture(architecture_format_from_name(name), *file);
    } catch (const Error& error) {
      if (error.code() == ExitCode::internal) throw;  // a format that cannot say it is no bug
    }
  }
}

}  // namespace enas::space

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using enas::space::SpaceKind;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& name : enas::space::architecture_format_names()) {
    const auto format = enas::space::architecture_format_from_name(name);
    enas::space::read_and_write(format, std::nullopt, text);
    for (const auto kind : {SpaceKind::recurrent, SpaceKind::macro, SpaceKind::micro}) {
      enas::space::read_and_write(format, kind, text);
    }
  }
  return 0;
}
