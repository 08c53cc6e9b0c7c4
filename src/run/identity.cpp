// SPDX-License-Identifier: Apache-2.0
#include "run/identity.hpp"

#include <torch/version.h>

#include <filesystem>
#include <map>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "core/utf8.hpp"
#include "core/version.hpp"
#include "nn/kernel/machine.hpp"

namespace enas::run {

namespace {

constexpr int kMaxThreads = 1024;

/// The present folder; "" where it has no name that could be kept.
std::string present_folder() {
  std::error_code error;
  const std::string folder = std::filesystem::current_path(error).string();
  return is_utf8(folder) ? folder : "";
}

std::vector<std::string> differing_keys(const Identity& stored, const Identity& present,
                                        bool identity) {
  std::map<std::string, std::string> stored_values;
  for (const auto& entry : stored.config.entries) stored_values[entry.key] = entry.value;
  std::vector<std::string> differences;
  for (const auto& entry : present.config.entries) {
    const auto found = stored_values.find(entry.key);
    // A checkpoint that is older than the key was made under what is the default now.
    if (found == stored_values.end() && entry.is_default) continue;
    const std::string before = found == stored_values.end() ? "(absent)" : found->second;
    if (entry.identity != identity || before == entry.value) continue;
    differences.push_back(
        concat(entry.key, ": ", before, " in the checkpoint, ", entry.value, " now"));
  }
  return differences;
}

}  // namespace

void write_identity(io::ImageWriter& image, const Identity& identity) {
  image.attribute("/", "program_version", kVersion);
  image.attribute("/", "git_revision", kGitRevision);
  image.attribute("/", "compiler", kCompiler);
  image.attribute("/", "libraries", join(library_versions(), "; "));
  image.attribute("/", "written", utc_now());
  image.attribute("/", "threads", std::int64_t{identity.threads});
  image.attribute("/", "instruction_set", identity.instruction_set);
  image.attribute("/", "ranks", std::int64_t{identity.ranks});
  image.attribute("/", "wall_seconds", identity.wall_seconds);
  image.attribute("/", "data_digest", identity.data.hex());
  image.attribute("/", "configuration", identity.config.toml);
  const std::string folder = present_folder();
  if (!folder.empty()) image.attribute("/", "start_folder", folder);
  image.attribute("/", "configuration_digest", io::digest_text(identity.config.toml).hex());
  image.strings("/jobs", identity.jobs);
  std::vector<std::string> keys;
  std::vector<std::string> values;
  std::vector<std::int32_t> is_identity;
  for (const auto& entry : identity.config.entries) {
    keys.push_back(entry.key);
    values.push_back(entry.value);
    is_identity.push_back(entry.identity ? 1 : 0);
  }
  image.group("/config");
  image.strings("/config/keys", keys);
  image.strings("/config/values", values);
  image.dataset("/config/identity", is_identity);
}

Identity read_identity(const io::ImageReader& image, const std::string& file) {
  Identity identity;
  identity.program = image.string_attribute("/", "program_version") + " " +
                     image.string_attribute("/", "git_revision");
  identity.threads = static_cast<int>(image.int_attribute("/", "threads"));
  if (identity.threads < 1 || identity.threads > kMaxThreads) {
    throw InputError(concat(file, " was written with ", identity.threads,
                            " threads; expected 1 to ", kMaxThreads));
  }
  identity.instruction_set = image.string_attribute("/", "instruction_set");
  identity.ranks = static_cast<int>(image.int_attribute("/", "ranks"));
  identity.wall_seconds = image.double_attribute("/", "wall_seconds");
  identity.config.toml = image.string_attribute("/", "configuration");
  identity.jobs = image.read_strings("/jobs");
  const auto digest = image.string_attribute("/", "data_digest");
  if (digest.size() != 32 || digest.find_first_not_of("0123456789abcdef") != std::string::npos) {
    throw InputError(file + " has a malformed data_digest");
  }
  identity.data = {std::stoull(digest.substr(0, 16), nullptr, 16),
                   std::stoull(digest.substr(16), nullptr, 16)};
  const auto keys = image.read_strings("/config/keys");
  const auto values = image.read_strings("/config/values");
  const auto is_identity = image.read<std::int32_t>("/config/identity");
  if (keys.size() != values.size() || keys.size() != is_identity.size()) {
    throw InputError(file + ": /config has columns of different lengths");
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    identity.config.entries.push_back({keys[i], values[i], is_identity[i] != 0, false});
  }
  return identity;
}

bool is_same_data(const Identity& stored, const Identity& present) {
  return stored.data == present.data || stored.data == present.data_without_test;
}

std::vector<std::string> identity_differences(const Identity& stored, const Identity& present) {
  auto differences = differing_keys(stored, present, true);
  if (!is_same_data(stored, present)) {
    differences.push_back(concat("the data: digest ", stored.data.hex(), " in the checkpoint, ",
                                 present.data.hex(), " now"));
  }
  return differences;
}

std::vector<std::string> adjustable_differences(const Identity& stored, const Identity& present) {
  auto differences = differing_keys(stored, present, false);
  if (stored.data != present.data && is_same_data(stored, present)) {
    differences.emplace_back("the data: a test split was added");
  }
  return differences;
}

std::vector<std::string> library_versions() {
  std::vector<std::string> versions = {
      concat("LibTorch ", TORCH_VERSION, " (", nn::instruction_set(), ")")};
  for (const auto& version : io::library_versions()) versions.push_back(version);
  return versions;
}

}  // namespace enas::run
