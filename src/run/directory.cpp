// SPDX-License-Identifier: Apache-2.0
#include "run/directory.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <string_view>

#include "core/error.hpp"
#include "core/json_text.hpp"
#include "core/text.hpp"
#include "io/durable_file.hpp"
#include "io/file_calls.hpp"
#include "run/lock.hpp"

namespace enas::run {

namespace fs = std::filesystem;

namespace {

std::string padded(std::int64_t step) {
  const std::string digits = std::to_string(step);
  return std::string(digits.size() < 8 ? 8 - digits.size() : 0, '0') + digits;
}

/// The number that makes up all of `text`, or -1.
std::int64_t number(std::string_view text) {
  std::int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : -1;
}

/// What stands between prefix and suffix, or "".
std::string_view between(std::string_view name, std::string_view prefix, std::string_view suffix) {
  if (!name.starts_with(prefix) || !name.ends_with(suffix) ||
      name.size() < prefix.size() + suffix.size()) {
    return {};
  }
  name.remove_prefix(prefix.size());
  name.remove_suffix(suffix.size());
  return name;
}

/// Throws SystemError unless files_of(folder, error) listed all of it.
void require_listed(const fs::path& folder, const std::error_code& error) {
  if (!error) return;
  throw SystemError(concat("cannot list ", folder.string(), ": ", error.message()),
                    io::code_of(error.value()));
}

/// Moves a file aside under the first free name "<name><ending>", "<name><ending>.1", ….
void set_aside(const fs::path& file, const char* ending) {
  fs::path target = file.string() + ending;
  std::error_code ignored;  // the renaming tells what is wrong
  for (int i = 1; fs::exists(fs::symlink_status(target, ignored)); ++i) {
    target = concat(file.string(), ending, ".", i);
  }
  io::rename_durable(file, target);
}

/// In the run directory itself.
constexpr std::array<std::string_view, 7> kFiles = {
    "config.toml", "status.json",   "run.log",          "best.json",
    "test.json",   "pipeline.json", "architecture.json"};

/// Whether a run writes files of this name.
bool is_run_file(std::string_view name) {
  return std::ranges::find(kFiles, name) != kFiles.end() || name == "latest" || name == "probe" ||
         !between(name, "step-", ".h5").empty() || !between(name, "part-", ".h5").empty();
}

bool is_begun(const fs::path& folder) {
  std::error_code unreadable;
  return fs::exists(folder / "run.lock", unreadable) || !Directory(folder).checkpoints().empty();
}

}  // namespace

std::vector<fs::path> files_of(const fs::path& folder, std::error_code& error) {
  std::vector<fs::path> files;
  error.clear();
  // Not a range-for, which throws when the reading of later entries fails.
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    files.push_back(entry->path());
  }
  const bool is_absent =
      error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
  if (is_absent) error.clear();
  std::sort(files.begin(), files.end());
  return files;
}

void refuse_foreign_files(const fs::path& folder) {
  if (is_begun(folder)) return;
  std::vector<std::string> found;
  std::vector<std::string> names(kFiles.begin(), kFiles.end());
  names.emplace_back("checkpoints/latest");
  for (const std::string& name : names) {
    std::error_code unreadable;
    if (fs::exists(fs::symlink_status(folder / name, unreadable))) found.push_back(name);
  }
  if (found.empty()) return;
  throw ConfigError(concat("the run directory ", folder.string(), " holds files that a run would ",
                           "replace and that no run wrote: ", join(found, ", "),
                           "; choose another --run-dir (run.dir), or move them away"),
                    ExitCode::cannot_create);
}

Directory::Directory(fs::path root) : root_(std::move(root)) {}
Directory::~Directory() = default;

void Directory::open_on_root() {
  io::probe_writable(root_);
  refuse_foreign_files(root_);
  lock_ = std::make_unique<Lock>(root_ / "run.lock");
  for (const char* folder : {"checkpoints", "log"}) io::probe_writable(root_ / folder);
  for (const char* folder : {".", "checkpoints", "log"}) {
    io::remove_temporaries(root_ / folder, is_run_file);
  }
}

void Directory::close_on_root() { lock_.reset(); }

fs::path Directory::checkpoint_path(std::int64_t step) const {
  return root_ / "checkpoints" / concat("step-", padded(step), ".h5");
}

fs::path Directory::log_part_path(std::int64_t first_step, std::int64_t end_step) const {
  return root_ / "log" / concat("part-", padded(first_step), "-", padded(end_step), ".h5");
}

std::vector<CheckpointFile> Directory::checkpoints() const {
  std::error_code error;
  auto found = checkpoints(error);
  require_listed(root_ / "checkpoints", error);
  return found;
}

std::vector<CheckpointFile> Directory::checkpoints(std::error_code& error) const {
  std::vector<CheckpointFile> found;
  for (const auto& path : files_of(root_ / "checkpoints", error)) {
    const std::string name = path.filename().string();
    const std::int64_t step = number(between(name, "step-", ".h5"));
    if (step >= 0) found.push_back({step, path});
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.step > b.step; });
  return found;
}

void Directory::set_aside_bad(const fs::path& checkpoint) const { set_aside(checkpoint, ".bad"); }

int Directory::retire_after(std::int64_t step) const {
  int retired = 0;
  for (const auto& checkpoint : checkpoints()) {
    if (checkpoint.step <= step) continue;
    set_aside(checkpoint.path, ".stale");
    ++retired;
  }
  std::error_code error;
  const auto parts = files_of(root_ / "log", error);
  require_listed(root_ / "log", error);
  for (const auto& path : parts) {
    const std::string name = path.filename().string();
    const std::string_view steps = between(name, "part-", ".h5");
    const auto dash = steps.find('-');
    if (dash == std::string_view::npos || number(steps.substr(0, dash)) < 0 ||
        number(steps.substr(dash + 1)) <= step) {
      continue;
    }
    set_aside(path, ".stale");
    ++retired;
  }
  return retired;
}

void Directory::set_aside_stale(const std::string& name) const {
  std::error_code ignored;  // whoever writes the file tells what is wrong
  if (fs::exists(fs::symlink_status(root_ / name, ignored))) set_aside(root_ / name, ".stale");
}

void Directory::prune(int keep) const {
  std::error_code ignored;
  const auto all = checkpoints(ignored);
  for (std::size_t i = static_cast<std::size_t>(keep); i < all.size(); ++i) {
    fs::remove(all[i].path, ignored);
  }
}

void Directory::write_latest(std::int64_t step) const {
  io::write_durable(root_ / "checkpoints" / "latest",
                    checkpoint_path(step).filename().string() + "\n");
}

void Directory::write_json(const std::string& name, const Json& value) const {
  io::write_durable(root_ / name, json_text(value, 2) + "\n");
}

void Directory::write_text(const std::string& name, const std::string& text) const {
  io::write_durable(root_ / name, text);
}

}  // namespace enas::run
