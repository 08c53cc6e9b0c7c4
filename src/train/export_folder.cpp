// SPDX-License-Identifier: Apache-2.0
#include "train/export_folder.hpp"

#include <cstdint>

#include "core/error.hpp"
#include "core/text.hpp"
#include "io/digest.hpp"
#include "io/durable_file.hpp"
#include "io/mapped_file.hpp"
#include "io/output_file.hpp"

namespace enas::train {

namespace {

namespace fs = std::filesystem;

constexpr const char* kListFile = "export.json";
constexpr const char* kFormat = "enas_hpc export";
constexpr std::int64_t kFormatVersion = 1;

/// The digests of an earlier export by file name; nothing when export.json is not one of ours.
Json earlier_digests(const fs::path& list) {
  constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
  try {
    const Json earlier = Json::parse(io::read_text(list, kMaxBytes));
    if (earlier.at("format") == kFormat) return earlier.at("files");
  } catch (const InputError&) {
  } catch (const Json::exception&) {
  }
  return nullptr;
}

std::string digest_of_file(const fs::path& path) {
  if (!fs::is_regular_file(path)) return "";
  return fs::file_size(path) == 0 ? io::digest_text("").hex()
                                  : io::digest_bytes(io::MappedFile(path).bytes()).hex();
}

}  // namespace

void check_export_folder(const fs::path& folder, const std::vector<ExportFile>& files) {
  io::probe_writable(folder);
  const bool has_list = fs::exists(folder / kListFile);
  const Json earlier = has_list ? earlier_digests(folder / kListFile) : Json::object();
  std::vector<std::string> strangers;
  if (!earlier.is_object()) strangers.emplace_back(kListFile);
  for (const ExportFile& file : files) {
    const fs::path path = folder / file.name;
    if (!fs::exists(path)) continue;
    const std::string digest = digest_of_file(path);
    const bool is_known =
        earlier.is_object() && earlier.contains(file.name) && earlier[file.name] == digest;
    if (!is_known && digest != io::digest_text(file.content).hex()) strangers.push_back(file.name);
  }
  if (strangers.empty()) return;
  throw ConfigError(
      concat(folder.string(), " holds files that no export wrote, or that were changed ", "since: ",
             join(strangers, ", "), "; nothing was written: move them away or name another folder"),
      ExitCode::cannot_create);
}

void write_export(const fs::path& folder, const std::vector<ExportFile>& files, Json description) {
  Json digests = Json::object();
  for (const ExportFile& file : files) {
    io::write_output(folder / file.name, file.content);
    digests[file.name] = io::digest_text(file.content).hex();
  }
  description["format"] = kFormat;
  description["format_version"] = kFormatVersion;
  description["files"] = std::move(digests);
  io::write_output(folder / kListFile, description.dump(2) + "\n");
}

}  // namespace enas::train
