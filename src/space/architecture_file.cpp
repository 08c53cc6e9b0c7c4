// SPDX-License-Identifier: Apache-2.0
#include "space/architecture_file.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/text.hpp"
#include "space/json_place.hpp"

namespace enas::space {
namespace {

constexpr std::uintmax_t kMostBytes = 16 << 20;

Json outputs_json(const std::vector<int>& named_outputs) {
  return named_outputs.empty() ? Json("loose_ends") : Json(named_outputs);
}

struct NetworkJson {
  Json operator()(const RecurrentCell& cell) const {
    Json json = Json::parse(recurrent_cell_json(cell));
    json["outputs"] = outputs_json(cell.named_outputs);
    return json;
  }
  Json operator()(const MacroNet& net) const { return Json::parse(macro_net_json(net)); }
  Json operator()(const MicroNet& net) const {
    Json json = Json::parse(micro_net_json(net));
    json["normal"]["outputs"] = outputs_json(net.normal.named_outputs);
    json["reduction"]["outputs"] = outputs_json(net.reduction.named_outputs);
    return json;
  }
};

[[noreturn]] void fail_unknown(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& shipped : shipped_architectures()) names.emplace_back(shipped.name);
  const std::string meant = nearest(name, names);
  throw InputError(concat("'", name, "' is neither a file nor the name of a shipped architecture",
                          meant.empty() ? "" : concat(" (did you mean ", meant, "?)"),
                          ": those are ", join(names, ", ")),
                   ExitCode::missing_input);
}

/// What a file in our own form holds. For one that is no JSON the message says how it becomes that.
ArchitectureFile native_architecture(const std::string& bytes, const std::string& file) {
  Json json;
  try {
    json = json_from_text(bytes, file);
  } catch (const InputError& error) {
    throw InputError(concat(error.what(),
                            "; a genotype of another program becomes a file that can "
                            "be read by enas_hpc arch convert ",
                            file, " --from FORMAT --to json --out NEW.json"));
  }
  return architecture_from_json(json, file);
}

}  // namespace

Json architecture_json(const ArchitectureFile& file) {
  Json json = {{"format", "enas_hpc architecture"}, {"version", 1}};
  if (!file.name.empty()) json["name"] = file.name;
  json.update(std::visit(NetworkJson{}, file.network));
  if (!file.origin.is_null()) json["origin"] = file.origin;
  if (!file.metrics.is_null()) json["metrics"] = file.metrics;
  return json;
}

std::string architecture_text(const ArchitectureFile& file) {
  return readable_json(architecture_json(file));
}

std::string architecture_file_bytes(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    throw InputError(concat(path, ": no such file"), ExitCode::missing_input);
  }
  if (!std::filesystem::is_regular_file(status)) {
    throw InputError(
        concat(path,
               " is no plain file; an architecture is one, for example best.json "
               "of a run directory (`arch` reads standard input where the file is -)"));
  }
  if (std::filesystem::file_size(path, error) > kMostBytes) {
    throw InputError(concat(path, " has more than 16 MiB: it is no architecture"));
  }
  std::ifstream in(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in) throw InputError(concat(path, " cannot be read"), ExitCode::missing_input);
  return bytes;
}

ArchitectureFile load_architecture(const std::string& name_or_path) {
  std::error_code error;
  if (std::filesystem::exists(name_or_path, error)) {
    return native_architecture(architecture_file_bytes(name_or_path), name_or_path);
  }
  for (const auto& shipped : shipped_architectures()) {
    if (shipped.name != name_or_path) continue;
    return architecture_from_json(json_from_text(shipped.text, shipped.name), shipped.name);
  }
  fail_unknown(name_or_path);
}

}  // namespace enas::space
