// SPDX-License-Identifier: Apache-2.0
#include "io/file_calls.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "core/text.hpp"

namespace enas::io {

std::string Failure::text() const {
  return concat(call, ": ", std::generic_category().message(error));
}

ExitCode code_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
      return ExitCode::missing_input;
    case EACCES:
    case EPERM:
    case EROFS:
      return ExitCode::permission;
    case EEXIST:
    case ENOTEMPTY:
    case ENAMETOOLONG:
      return ExitCode::cannot_create;
    default:
      return ExitCode::io_error;
  }
}

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

bool Descriptor::close() {
  const int result = ::close(std::exchange(number_, -1));
  // After EINTR Linux has closed the descriptor all the same.
  return result == 0 || errno == EINTR;
}

int open_retrying(const std::filesystem::path& path, int flags) {
  int number = -1;
  do {
    number = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  } while (number < 0 && errno == EINTR);
  return number;
}

int fsync_retrying(int number) {
  int result = 0;
  do {
    result = ::fsync(number);
  } while (result != 0 && errno == EINTR);
  return result;
}

std::optional<Failure> write_all(int number, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(number, bytes.data(), std::min(bytes.size(), kLongestTransfer));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failure{"write", errno};
    if (count == 0) return Failure{"write", EIO};
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return std::nullopt;
}

}  // namespace enas::io
