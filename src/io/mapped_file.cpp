// SPDX-License-Identifier: Apache-2.0
// Files mapped by mmap.
#include "io/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::io {
namespace {

namespace fs = std::filesystem;

std::string reason(int error) { return std::generic_category().message(error); }

int open_for_reading(const fs::path& path) {
  int number = -1;
  do {
    // O_NONBLOCK: opening a pipe must not wait for its writer.
    number = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  } while (number < 0 && errno == EINTR);
  if (number >= 0) return number;
  throw InputError(concat(path.string(), " cannot be opened: ", reason(errno)),
                   ExitCode::missing_input);
}

std::span<const std::byte> map(int number, const fs::path& path) {
  struct stat status {};
  if (::fstat(number, &status) != 0 || !S_ISREG(status.st_mode)) {
    throw InputError(concat(path.string(), " is not a plain file"));
  }
  if (status.st_size == 0) throw InputError(concat(path.string(), " is empty"));
  const auto length = static_cast<std::size_t>(status.st_size);
  void* start = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, number, 0);
  if (start == MAP_FAILED) {
    throw SystemError(concat("cannot map ", path.string(), " into memory: ", reason(errno)));
  }
  return {static_cast<const std::byte*>(start), length};
}

}  // namespace

MappedFile::MappedFile(const fs::path& path) : path_(path) {
  const int number = open_for_reading(path);
  try {
    bytes_ = map(number, path);
  } catch (...) {
    ::close(number);
    throw;
  }
  ::close(number);  // the mapping stays
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

}  // namespace enas::io
