// SPDX-License-Identifier: Apache-2.0
// Files are whole or refused; a failed write changes nothing.
#include "io/durable_file.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>

#include "core/error.hpp"
#include "io/digest.hpp"
#include "scratch_folder.hpp"

namespace enas::io {
namespace {

namespace fs = std::filesystem;

std::vector<std::byte> some_bytes(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * i % 251);
  return bytes;
}

std::string file_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void set_text(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// What the exception that `body` must throw says; its code must be `code`.
template <typename Exception>
std::string message_of(ExitCode code, const std::function<void()>& body) {
  try {
    body();
  } catch (const Exception& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

testing::AssertionResult holds(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "\"" << text << "\" does not hold \"" << part << "\"";
}

TEST(DurableFile, WritesAndReplacesTextAndBytes) {
  const ScratchFolder folder;
  const fs::path path = folder / "name with spaces";
  write_durable(path, "first, and longer");
  EXPECT_EQ(file_text(path), "first, and longer");
  write_durable(path, "second");
  EXPECT_EQ(file_text(path), "second");
  write_durable(path, "");
  EXPECT_EQ(file_text(path), "");
  const std::vector<std::byte> bytes = some_bytes(3);
  write_durable(path, bytes);
  EXPECT_EQ(file_text(path), std::string("\0\1\4", 3));
  EXPECT_EQ(folder.num_entries(), 1U);
}

TEST(DurableFile, AFailedWriteNamesPathAndReason) {
  const ScratchFolder folder;
  const fs::path path = folder / "no" / "file";
  const std::string message =
      message_of<SystemError>(ExitCode::io_error, [&] { write_durable(path, "x"); });
  EXPECT_TRUE(holds(message, path.string() + ": open: No such file or directory"));
}

TEST(DurableFile, AFailedRenameLeavesNoTemporary) {
  const ScratchFolder folder;
  fs::create_directory(folder / "taken");
  const std::string message =
      message_of<SystemError>(ExitCode::io_error, [&] { write_durable(folder / "taken", "x"); });
  EXPECT_TRUE(holds(message, "rename: Is a directory"));
  EXPECT_EQ(folder.num_entries(), 1U);
}

TEST(DurableFile, AWriteThatHitsTheSizeLimitLeavesTheOldFileAndNoTemporary) {
  const ScratchFolder folder;
  const fs::path path = folder / "file";
  write_durable(path, "old");
  const std::vector<std::byte> large = some_bytes(100000);
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {50000, 50000};  // in the middle: the first write is a short one
    setrlimit(RLIMIT_FSIZE, &limit);
    for (int kind = 0; kind < 2; ++kind) {
      try {
        kind == 0 ? write_durable(path, large) : write_sealed(path, large);
        _exit(1);
      } catch (const SystemError& error) {
        if (!holds(error.what(), "write: File too large")) _exit(2);
      }
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(file_text(path), "old");
  EXPECT_EQ(folder.num_entries(), 1U);
}

TEST(DurableFile, ALinkIsReplacedAndNotFollowed) {
  const ScratchFolder folder;
  fs::create_symlink("/dev/full", folder / "link");
  write_durable(folder / "link", "x");
  EXPECT_FALSE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(file_text(folder / "link"), "x");
}

TEST(DurableFile, ALinkInPlaceOfTheTemporaryIsNotFollowed) {
  const ScratchFolder folder;
  set_text(folder / "victim", "precious");
  const std::string temporary = "file.tmp." + std::to_string(getpid());
  fs::create_symlink(folder / "victim", folder / temporary);
  EXPECT_THROW(write_durable(folder / "file", "x"), SystemError);
  EXPECT_EQ(file_text(folder / "victim"), "precious");
}

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

TEST(ReadText, ReadsUpToItsLimit) {
  const ScratchFolder folder;
  for (const std::size_t size : {0U, 1U, 65535U, 65536U, 65537U, 200000U}) {
    const std::string text(size, 'x');
    set_text(folder / "file", text);
    EXPECT_EQ(read_text(folder / "file", size), text);
    if (size == 0) continue;
    EXPECT_TRUE(holds(
        message_of<InputError>(ExitCode::bad_data, [&] { read_text(folder / "file", size - 1); }),
        "longer than the"));
  }
}

TEST(ReadText, ReadsFilesThatClaimToBeEmpty) {
  EXPECT_TRUE(holds(read_text("/proc/self/status", 1 << 20), "\nPid:"));
}

TEST(ReadText, RefusesWhatIsMissingOrNotARegularFile) {
  const ScratchFolder folder;
  message_of<InputError>(ExitCode::missing_input, [&] { read_text(folder / "none", 10); });
  message_of<InputError>(ExitCode::bad_data, [&] { read_text(folder.path(), 10); });
  fs::create_symlink(folder / "none", folder / "dangling");
  message_of<InputError>(ExitCode::missing_input, [&] { read_text(folder / "dangling", 10); });
}

TEST(DurableFile, RenamesOrSaysWhyNot) {
  const ScratchFolder folder;
  set_text(folder / "a", "x");
  rename_durable(folder / "a", folder / "b");
  EXPECT_EQ(file_text(folder / "b"), "x");
  EXPECT_FALSE(fs::exists(folder / "a"));
  EXPECT_TRUE(holds(message_of<SystemError>(ExitCode::io_error,
                                            [&] { rename_durable(folder / "a", folder / "c"); }),
                    "rename: No such file"));
}

TEST(DurableFile, RemovesTemporariesAndNothingElse) {
  const ScratchFolder folder;
  const std::vector<std::string> kept = {"file",          "file.tmp", "file.tmp.x1", "file.tmp.",
                                         "file.tmp.1.h5", ".tmp.12",  "mine.tmp.1"};
  for (const std::string& name : kept) set_text(folder / name, "x");
  set_text(folder / "file.tmp.123", "x");
  set_text(folder / "step-00001200.h5.tmp.1", "x");
  fs::create_directory(folder / "folder.tmp.5");
  const auto is_ours = [](std::string_view name) { return name != "mine"; };
  remove_temporaries(folder.path(), is_ours);
  for (const std::string& name : kept) EXPECT_TRUE(fs::exists(folder / name)) << name;
  EXPECT_EQ(folder.num_entries(), kept.size() + 1);
  remove_temporaries(folder / "none", is_ours);
}

TEST(DurableFile, FreeBytesArePlausible) {
  const ScratchFolder folder;
  EXPECT_GT(free_bytes(folder.path()), 1e4);
  EXPECT_THROW(free_bytes(folder / "none"), SystemError);
}

TEST(ProbeWritable, MakesTheFolderAndLeavesNothingInIt) {
  const ScratchFolder folder;
  probe_writable(folder / "a/b");
  EXPECT_TRUE(fs::is_directory(folder / "a/b"));
  EXPECT_TRUE(fs::is_empty(folder / "a/b"));
  probe_writable(folder / "a/b");
}

TEST(ProbeWritable, RefusesFilesAndPlacesWhereNothingCanBeMade) {
  const ScratchFolder folder;
  set_text(folder / "file", "x");
  const auto probe = [](const fs::path& path) { return [path] { probe_writable(path); }; };
  message_of<ConfigError>(ExitCode::cannot_create, probe(folder / "file"));
  message_of<ConfigError>(ExitCode::cannot_create, probe(folder / "file/sub"));
  message_of<ConfigError>(ExitCode::cannot_create, probe("/proc/enas"));
  message_of<ConfigError>(ExitCode::cannot_create, probe("/proc"));
}

TEST(ProbeOutput, LooksAtTheNearestFolderAndMakesNothing) {
  const ScratchFolder folder;
  EXPECT_NO_THROW(probe_output(folder / "a/b/result.json"));
  set_text(folder / "file", "x");
  EXPECT_NO_THROW(probe_output(folder / "file"));
  EXPECT_EQ(folder.num_entries(), 1U);
  const auto probe = [&](const char* name) { return [&, name] { probe_output(folder / name); }; };
  message_of<ConfigError>(ExitCode::cannot_create, probe("file/result.json"));
  message_of<ConfigError>(ExitCode::cannot_create, probe("file/a/b/result.json"));
  fs::create_directory(folder / "result.json");
  EXPECT_NE(message_of<ConfigError>(ExitCode::cannot_create, probe("result.json"))
                .find((folder / "result.json").string()),
            std::string::npos);
}

TEST(ProbeWritable, PermissionHasItsOwnCode) {
  const ScratchFolder folder;
  fs::create_directory(folder / "locked");
  fs::permissions(folder / "locked", fs::perms::owner_read | fs::perms::owner_exec);
  fs::permissions(folder.path(), fs::perms::all);
  const pid_t child = fork();
  if (child == 0) {
    constexpr uid_t kNobody = 65534;
    if (getuid() == 0 && setuid(kNobody) != 0) _exit(1);  // permissions do not bind root
    for (const char* name : {"locked", "locked/sub"}) {
      try {
        probe_writable(folder / name);
        _exit(2);
      } catch (const ConfigError& error) {
        if (error.code() != ExitCode::permission) _exit(3);
      }
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace enas::io
