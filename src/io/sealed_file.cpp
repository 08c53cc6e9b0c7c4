// SPDX-License-Identifier: Apache-2.0
#include "io/sealed_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "core/error.hpp"
#include "core/text.hpp"
#include "io/digest.hpp"
#include "io/durable_file.hpp"
#include "io/file_calls.hpp"
#include "io/regular_file.hpp"

namespace enas::io {
namespace {

namespace fs = std::filesystem;
using Bytes = std::span<const std::byte>;

// Trailer: magic, image length, digest (low, high), zeros; numbers are little endian.
constexpr std::size_t kTrailerBytes = 64;
constexpr std::string_view kMagic("enas_hpc seal 1\0", 16);
using Trailer = std::array<std::byte, kTrailerBytes>;

void put(Trailer& trailer, std::size_t offset, std::uint64_t value) {
  for (std::size_t i = 0; i < 8; ++i) {
    trailer[offset + i] = static_cast<std::byte>((value >> (8 * i)) & 0xffU);
  }
}

Trailer make_trailer(Bytes image) {
  Trailer trailer{};
  const Digest digest = digest_bytes(image);
  std::ranges::copy(std::as_bytes(std::span(kMagic)), trailer.begin());
  put(trailer, 16, image.size());
  put(trailer, 24, digest.low);
  put(trailer, 32, digest.high);
  return trailer;
}

bool same(const Trailer& a, const Trailer& b, std::size_t from, std::size_t to) {
  return std::equal(a.data() + from, a.data() + to, b.data() + from);
}

/// The trailer that stands behind `length` bytes, with the right magic and length.
Trailer read_trailer(int number, std::size_t length, const fs::path& path) {
  Trailer found{};
  const bool placed = ::lseek(number, static_cast<off_t>(length), SEEK_SET) >= 0;
  if (!placed || read_up_to(number, found, path) != found.size()) {
    refuse_file(path, "became shorter while it was read");
  }
  Trailer wanted{};
  std::ranges::copy(std::as_bytes(std::span(kMagic)), wanted.begin());
  put(wanted, 16, length);
  if (!same(found, wanted, 0, 16)) {
    refuse_file(path, "has no seal at its end: it was cut off, or changed by another program");
  }
  if (!same(found, wanted, 16, 24)) {
    refuse_file(path, concat("has the wrong length: the seal names another number than the ",
                             length, " bytes before it"));
  }
  return found;
}

}  // namespace

void write_sealed(const fs::path& path, Bytes image) {
  const Trailer trailer = make_trailer(image);
  const std::array<Bytes, 2> parts = {image, Bytes(trailer)};
  write_durable(path, std::span<const Bytes>(parts));
}

std::vector<std::byte> read_sealed(const fs::path& path) {
  const auto [number, size] = open_regular(path);
  const Descriptor file(number);
  if (size < kTrailerBytes) {
    refuse_file(path, concat("is too short: ", size, " bytes; the seal alone has ", kTrailerBytes));
  }
  const std::size_t length = size - kTrailerBytes;
  // The seal first: nothing is allocated for a file that is not ours.
  const Trailer found = read_trailer(number, length, path);
  std::vector<std::byte> image(length);
  if (::lseek(number, 0, SEEK_SET) != 0 || read_up_to(number, image, path) != length) {
    refuse_file(path, "became shorter while it was read");
  }
  const Trailer wanted = make_trailer(image);
  if (!same(found, wanted, 24, 40))
    refuse_file(path, "has the wrong digest: its bytes were changed");
  if (found != wanted) refuse_file(path, "has a damaged seal");
  return image;
}

}  // namespace enas::io
