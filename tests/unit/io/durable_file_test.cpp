// SPDX-License-Identifier: Apache-2.0
// Files are whole or refused; a failed write changes nothing.
#include "io/durable_file.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "core/error.hpp"
#include "file_contents.hpp"
#include "io/sealed_file.hpp"
#include "scratch_folder.hpp"

namespace enas::io {
namespace {

namespace fs = std::filesystem;

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
