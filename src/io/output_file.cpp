// SPDX-License-Identifier: Apache-2.0
#include "io/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <system_error>

#include "core/error.hpp"
#include "core/text.hpp"
#include "io/file_calls.hpp"

namespace enas::io {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse_to_open(const fs::path& path, int error) {
  const bool forbidden = error == EACCES || error == EPERM || error == EROFS;
  throw ConfigError(concat("cannot write ", path.string(), ": ", Failure{"open", error}.text()),
                    forbidden ? ExitCode::permission : ExitCode::cannot_create);
}

/// Pipes and most devices cannot be synced.
bool is_regular(int number) {
  struct stat status {};
  return ::fstat(number, &status) == 0 && S_ISREG(status.st_mode);
}

std::optional<Failure> write_and_close(Descriptor& file, std::span<const std::byte> bytes) {
  if (const auto failure = write_all(file.number(), bytes)) return failure;
  if (is_regular(file.number()) && fsync_retrying(file.number()) != 0) {
    return Failure{"fsync", errno};
  }
  if (!file.close()) return Failure{"close", errno};
  return std::nullopt;
}

}  // namespace

void write_output(const fs::path& path, std::span<const std::byte> bytes) {
  std::error_code ignored;  // the opening tells what is wrong
  const bool is_new = fs::symlink_status(path, ignored).type() == fs::file_type::not_found;
  Descriptor file(open_retrying(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY));
  if (file.number() < 0) refuse_to_open(path, errno);
  const std::optional<Failure> failure = write_and_close(file, bytes);
  if (!failure) return;
  if (is_new) ::unlink(path.c_str());
  throw SystemError(concat("cannot write ", path.string(), ": ", failure->text()));
}

void write_output(const fs::path& path, std::string_view text) {
  write_output(path, std::as_bytes(std::span(text)));
}

}  // namespace enas::io
