// SPDX-License-Identifier: Apache-2.0
// Temporary files and renames, and whether files can be written.
#include "io/durable_file.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <system_error>

#include "core/error.hpp"
#include "core/text.hpp"
#include "io/file_calls.hpp"
#include "io/regular_file.hpp"

namespace enas::io {
namespace {

namespace fs = std::filesystem;
using Bytes = std::span<const std::byte>;

constexpr std::string_view kTemporaryMark = ".tmp.";

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

std::optional<Failure> sync_folder(const fs::path& folder) {
  Descriptor descriptor(open_retrying(folder, O_RDONLY | O_DIRECTORY));
  if (descriptor.number() < 0) return Failure{"open of the folder", errno};
  // Some file systems cannot sync folders and say EINVAL; there is nothing more to do on them.
  if (fsync_retrying(descriptor.number()) != 0 && errno != EINVAL) {
    return Failure{"fsync of the folder", errno};
  }
  return std::nullopt;
}

std::optional<Failure> write_temporary(const fs::path& path, std::span<const Bytes> parts) {
  Descriptor file(open_retrying(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW));
  if (file.number() < 0) return Failure{"open", errno};
  for (const Bytes part : parts) {
    if (const auto failure = write_all(file.number(), part)) return failure;
  }
  if (fsync_retrying(file.number()) != 0) return Failure{"fsync", errno};
  if (!file.close()) return Failure{"close", errno};
  return std::nullopt;
}

std::optional<Failure> replace(const fs::path& path, std::span<const Bytes> parts) {
  const fs::path temporary(concat(path.native(), kTemporaryMark, ::getpid()));
  std::optional<Failure> failure = write_temporary(temporary, parts);
  if (!failure && ::rename(temporary.c_str(), path.c_str()) != 0)
    failure = Failure{"rename", errno};
  if (failure) {
    ::unlink(temporary.c_str());
    return failure;
  }
  return sync_folder(folder_of(path));
}

/// The name of the file that a temporary one was to become; "" for other files.
std::string_view name_of_temporary(std::string_view file) {
  const std::size_t mark = file.rfind(kTemporaryMark);
  if (mark == std::string_view::npos) return "";
  const std::string_view pid = file.substr(mark + kTemporaryMark.size());
  const bool is_pid = !pid.empty() && pid.find_first_not_of("0123456789") == std::string_view::npos;
  return is_pid ? file.substr(0, mark) : "";
}

}  // namespace

void write_durable(const fs::path& path, std::span<const Bytes> parts) {
  if (const auto failure = replace(path, parts)) {
    throw SystemError(concat("cannot write ", path.string(), ": ", failure->text()));
  }
}

void write_durable(const fs::path& path, Bytes bytes) {
  write_durable(path, std::span<const Bytes>(&bytes, 1));
}

void write_durable(const fs::path& path, std::string_view text) {
  write_durable(path, std::as_bytes(std::span(text)));
}

std::string read_text(const fs::path& path, std::size_t max_bytes) {
  constexpr std::size_t kPieceBytes = std::size_t{1} << 16;
  const Descriptor file(open_regular(path).number);
  std::string text;
  // Not by the size that the file claims: it may grow, or be one of those that claim 0.
  for (bool ended = false; !ended;) {
    const std::size_t old_size = text.size();
    text.resize(old_size + kPieceBytes);
    const auto piece = std::span(text).subspan(old_size);
    const std::size_t count = read_up_to(file.number(), std::as_writable_bytes(piece), path);
    text.resize(old_size + count);
    ended = count < kPieceBytes;
    if (text.size() > max_bytes) {
      refuse_file(path, concat("is longer than the ", max_bytes, " bytes that are allowed"));
    }
  }
  return text;
}

void rename_durable(const fs::path& from, const fs::path& to) {
  std::optional<Failure> failure;
  if (::rename(from.c_str(), to.c_str()) != 0) failure = Failure{"rename", errno};
  if (!failure) failure = sync_folder(folder_of(to));
  if (!failure && folder_of(from) != folder_of(to)) failure = sync_folder(folder_of(from));
  if (!failure) return;
  throw SystemError(
      concat("cannot rename ", from.string(), " to ", to.string(), ": ", failure->text()));
}

void remove_temporaries(const fs::path& folder, bool (*is_ours)(std::string_view name)) noexcept {
  try {
    std::vector<fs::path> found;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      if (entry.symlink_status().type() != fs::file_type::regular) continue;
      const std::string file = entry.path().filename().string();
      const std::string_view name = name_of_temporary(file);
      if (!name.empty() && is_ours(name)) found.push_back(entry.path());
    }
    for (const fs::path& path : found) ::unlink(path.c_str());
  } catch (const std::exception&) {
    // Left-overs only cost space.
  }
}

double free_bytes(const fs::path& folder) {
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) {
    const Failure failure{"statvfs", errno};
    throw SystemError(
        concat("cannot ask for the free space of ", folder.string(), ": ", failure.text()));
  }
  return static_cast<double>(status.f_bavail) * static_cast<double>(status.f_frsize);
}

void probe_writable(const fs::path& folder) {
  const auto refuse_folder = [&folder](std::string_view problem, int error) {
    const bool forbidden = error == EACCES || error == EPERM;
    throw ConfigError(
        concat(problem, " ", folder.string(), ": ", std::generic_category().message(error)),
        forbidden ? ExitCode::permission : ExitCode::cannot_create);
  };
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) refuse_folder("cannot make the folder", error.value());
  if (!fs::is_directory(folder, error)) refuse_folder("cannot use the folder", ENOTDIR);
  const fs::path probe = folder / "probe";
  const std::array<std::byte, 1> content{};
  const std::array<Bytes, 1> parts = {Bytes(content)};
  const fs::path temporary(concat(probe.native(), kTemporaryMark, ::getpid()));
  const std::optional<Failure> failure = write_temporary(temporary, parts);
  const bool removed = ::unlink(temporary.c_str()) == 0;
  const int unlink_error = errno;
  if (failure) refuse_folder("cannot write in the folder", failure->error);
  if (!removed) refuse_folder("cannot remove files in the folder", unlink_error);
}

void probe_output(const fs::path& file) {
  std::error_code ignored;
  if (fs::is_directory(file, ignored)) {
    throw ConfigError(concat("cannot write the file ", file.string(), ": a folder has its name"),
                      ExitCode::cannot_create);
  }
  fs::path folder = fs::absolute(file).parent_path();
  while (folder.has_relative_path() && !fs::exists(fs::symlink_status(folder, ignored))) {
    folder = folder.parent_path();
  }
  probe_writable(folder);
}

}  // namespace enas::io
