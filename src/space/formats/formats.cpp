// SPDX-License-Identifier: Apache-2.0
#include "space/formats/formats.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "core/text.hpp"
#include "space/formats/carpedm20_format.hpp"
#include "space/formats/darts_format.hpp"
#include "space/formats/nni_format.hpp"
#include "space/formats/token_formats.hpp"
#include "space/json_place.hpp"

namespace enas::space {
namespace {

std::string_view name_of(ArchitectureFormat format) {
  return architecture_format_names()[static_cast<std::size_t>(format)];
}

void require_space(const TypedView& network, std::optional<SpaceKind> space,
                   std::string_view file) {
  if (!space || kind_of(network) == *space) return;
  throw InputError(concat(file, " holds a ", name_of(kind_of(network)),
                          " architecture, but --space says ", name_of(*space)));
}

ArchitectureFile read(ArchitectureFormat format, std::optional<SpaceKind> space,
                      std::string_view text, std::string_view file, int nth) {
  switch (format) {
    case ArchitectureFormat::json:
      return architecture_from_json(json_from_text(text, file), file);
    case ArchitectureFormat::tf:
      if (!space) {
        throw InputError(concat(file, ": a string of tf does not tell its space; name it: --space ",
                                "recurrent, macro or micro"));
      }
      return {.network = view_from_tf(*space, text, file)};
    case ArchitectureFormat::enas_lm:
      return {.network = cell_from_enas_lm(text, file)};
    case ArchitectureFormat::darts:
      return file_from_darts(text, file, nth);
    case ArchitectureFormat::nni:
      return net_from_nni(text, file);
    case ArchitectureFormat::carpedm20:
      break;
  }
  return {.network = cell_from_carpedm20(text, file)};
}

/// The view as the one type that a format is made for.
template <typename View>
const View& only(const TypedView& view, ArchitectureFormat format, const char* made_for) {
  if (const auto* typed = std::get_if<View>(&view)) return *typed;
  throw InputError(concat("a ", name_of(kind_of(view)), " architecture has no form in ",
                          name_of(format), ", which is made for ", made_for));
}

}  // namespace

const std::vector<std::string>& architecture_format_names() {
  static const std::vector<std::string> names = {"json",  "tf",  "enas_lm",
                                                 "darts", "nni", "carpedm20"};
  return names;
}

ArchitectureFormat architecture_format_from_name(std::string_view name) {
  const auto& names = architecture_format_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<ArchitectureFormat>(found - names.begin());
  throw InputError(concat("unknown format '", name, "': known are ", join(names, ", ")));
}

ArchitectureFile import_architecture(ArchitectureFormat format, std::optional<SpaceKind> space,
                                     std::string_view text, std::string_view file, int nth) {
  ArchitectureFile imported = read(format, space, text, file, nth);
  require_space(imported.network, space, file);
  return imported;
}

std::string export_architecture(ArchitectureFormat format, const ArchitectureFile& file) {
  const TypedView& view = file.network;
  switch (format) {
    case ArchitectureFormat::json:
      return architecture_text(file);
    case ArchitectureFormat::tf:
      return tf_text(view);
    case ArchitectureFormat::enas_lm:
      return enas_lm_text(only<RecurrentCell>(view, format, "recurrent cells"));
    case ArchitectureFormat::darts:
      if (kind_of(view) == SpaceKind::macro) {
        throw InputError(
            "a macro architecture has no form in darts, whose genotypes describe cells");
      }
      return darts_text(view);
    case ArchitectureFormat::nni:
      return nni_text(only<MicroNet>(view, format, "its ENAS space of micro cells"));
    case ArchitectureFormat::carpedm20:
      break;
  }
  return carpedm20_text(only<RecurrentCell>(view, format, "recurrent cells"));
}

}  // namespace enas::space
