// SPDX-License-Identifier: Apache-2.0
// A sealed file is whole and unchanged, or it is refused.
#include "io/sealed_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "core/error.hpp"
#include "file_contents.hpp"
#include "io/digest.hpp"
#include "scratch_folder.hpp"

namespace enas::io {
namespace {

namespace fs = std::filesystem;

TEST(Sealed, RoundTripsAnySize) {
  const ScratchFolder folder;
  for (const std::size_t size : {0U, 1U, 63U, 64U, 65U, 100000U}) {
    const std::vector<std::byte> image = some_bytes(size);
    write_sealed(folder / "file", image);
    EXPECT_EQ(fs::file_size(folder / "file"), size + 64);
    EXPECT_EQ(read_sealed(folder / "file"), image);
  }
}

TEST(Sealed, HasTheDocumentedTrailer) {
  const ScratchFolder folder;
  const std::string image = "an image";
  write_sealed(folder / "file", std::as_bytes(std::span(image)));
  const std::string text = file_text(folder / "file");
  EXPECT_EQ(text.substr(0, 8), image);
  EXPECT_EQ(text.substr(8, 16), std::string("enas_hpc seal 1\0", 16));
  EXPECT_EQ(text.substr(24, 8), std::string("\10\0\0\0\0\0\0\0", 8));
  std::string digest = text.substr(32, 16);
  std::ranges::reverse(digest);  // stored little endian, printed from the highest byte on
  std::string hex;
  for (const char byte : digest) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    hex += kDigits[static_cast<unsigned char>(byte) / 16];
    hex += kDigits[static_cast<unsigned char>(byte) % 16];
  }
  EXPECT_EQ(hex, digest_text(image).hex());
  EXPECT_EQ(text.substr(48, 24), std::string(24, '\0'));
}

TEST(Sealed, EveryFlippedBitIsDetected) {
  const ScratchFolder folder;
  const fs::path path = folder / "file";
  write_sealed(path, some_bytes(5000));
  const std::string good = file_text(path);
  std::vector<std::size_t> offsets;
  for (std::size_t i = 0; i < 140; ++i) offsets.push_back(i * 36);
  for (std::size_t i = 5000; i < good.size(); ++i) offsets.push_back(i);
  ASSERT_EQ(offsets.size(), 204U);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto put = [&file](std::size_t offset, char byte) {
    file.seekp(static_cast<std::streamoff>(offset)).put(byte).flush();
  };
  for (const std::size_t offset : offsets) {
    for (int bit = 0; bit < 8; ++bit) {
      put(offset, static_cast<char>(good[offset] ^ (1 << bit)));
      EXPECT_THROW(read_sealed(path), InputError) << "offset " << offset << " bit " << bit;
    }
    put(offset, good[offset]);
  }
  EXPECT_EQ(file_text(path), good);
  EXPECT_NO_THROW(read_sealed(path));
}

TEST(Sealed, EveryTruncationIsDetected) {
  const ScratchFolder folder;
  const fs::path path = folder / "file";
  write_sealed(path, some_bytes(5000));
  const std::string good = file_text(path);
  std::vector<std::size_t> lengths = {0, 1, 63, 64, 65, 4999, 5000, 5001, good.size() - 1};
  for (std::size_t i = 1; i <= 41; ++i) lengths.push_back(i * 121);
  ASSERT_EQ(lengths.size(), 50U);
  for (const std::size_t length : lengths) {
    set_text(path, good.substr(0, length));
    EXPECT_THROW(read_sealed(path), InputError) << length;
  }
}

TEST(Sealed, MessagesTellWhatIsWrong) {
  const ScratchFolder folder;
  const fs::path path = folder / "file";
  write_sealed(path, some_bytes(200));
  const std::string good = file_text(path);
  const auto message_for = [&](const std::string& text) {
    set_text(path, text);
    return message_of<InputError>(ExitCode::bad_data, [&] { read_sealed(path); });
  };
  EXPECT_TRUE(holds(message_for("short"), "too short: 5 bytes"));
  EXPECT_TRUE(holds(message_for(good.substr(0, 250)), "has no seal"));
  EXPECT_TRUE(holds(message_for(good + "x"), "has no seal"));
  EXPECT_TRUE(holds(message_for(good.substr(10)), "wrong length"));
  EXPECT_TRUE(holds(message_for("x" + good.substr(1)), "wrong digest"));
  std::string bad_end = good;
  bad_end.back() = 'x';
  EXPECT_TRUE(holds(message_for(bad_end), "damaged seal"));
  EXPECT_TRUE(holds(message_for(bad_end), path.string()));
}

TEST(Sealed, RefusesWhatIsNotARegularFile) {
  const ScratchFolder folder;
  EXPECT_TRUE(
      holds(message_of<InputError>(ExitCode::missing_input, [&] { read_sealed(folder / "none"); }),
            "No such file"));
  EXPECT_TRUE(holds(message_of<InputError>(ExitCode::bad_data, [&] { read_sealed(folder.path()); }),
                    "is a folder"));
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_TRUE(
      holds(message_of<InputError>(ExitCode::bad_data, [&] { read_sealed(folder / "pipe"); }),
            "is not a regular file"));
}

TEST(Sealed, AHugeFileWithoutASealIsRefusedWithoutReadingIt) {
  const ScratchFolder folder;
  set_text(folder / "huge", "x");
  fs::resize_file(folder / "huge", std::uintmax_t{1} << 42);  // 4 TiB, sparse
  EXPECT_TRUE(
      holds(message_of<InputError>(ExitCode::bad_data, [&] { read_sealed(folder / "huge"); }),
            "has no seal"));
}

}  // namespace
}  // namespace enas::io
