// SPDX-License-Identifier: Apache-2.0
#include "io/regular_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "core/text.hpp"
#include "io/file_calls.hpp"

namespace enas::io {

namespace fs = std::filesystem;

void refuse_file(const fs::path& path, std::string_view reason, ExitCode code) {
  throw InputError(concat(path.string(), " ", reason), code);
}

OpenFile open_regular(const fs::path& path) {
  // O_NONBLOCK: opening a pipe must not wait for its writer.
  const int number = open_retrying(path, O_RDONLY | O_NONBLOCK);
  if (number < 0) {
    refuse_file(path, concat("cannot be opened: ", std::generic_category().message(errno)),
                ExitCode::missing_input);
  }
  struct stat status {};
  const bool known = ::fstat(number, &status) == 0;
  if (known && S_ISREG(status.st_mode)) return {number, static_cast<std::size_t>(status.st_size)};
  ::close(number);
  refuse_file(
      path, known && S_ISDIR(status.st_mode) ? "is a folder, not a file" : "is not a regular file");
}

std::size_t read_up_to(int number, std::span<std::byte> target, const fs::path& path) {
  std::size_t total = 0;
  while (total < target.size()) {
    const std::size_t wanted = std::min(target.size() - total, kLongestTransfer);
    const ssize_t count = ::read(number, target.data() + total, wanted);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      refuse_file(path, concat("cannot be read: ", std::generic_category().message(errno)),
                  ExitCode::io_error);
    }
    if (count == 0) break;
    total += static_cast<std::size_t>(count);
  }
  return total;
}

}  // namespace enas::io
