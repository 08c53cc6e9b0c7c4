// SPDX-License-Identifier: Apache-2.0
// What the user names stays what it is: only its content changes.
#include "io/output_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "core/error.hpp"
#include "unit/io/scratch_folder.hpp"

namespace enas::io {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

struct stat status_of(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(lstat(path.c_str(), &status), 0);
  return status;
}

/// The exit code that writing there ends with; success when it can be written.
ExitCode code_of_writing(const fs::path& path, const std::string& text = "text") {
  try {
    write_output(path, text);
    return ExitCode::success;
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << error.what();
    return error.code();
  }
}

struct OutputFile : testing::Test {
  ScratchFolder folder;
  fs::path file = folder / "file";
};

TEST_F(OutputFile, MakesANewFileAndShortensALongerOne) {
  write_output(file, "something long");
  write_output(file, "short");
  EXPECT_EQ(text_of(file), "short");
  EXPECT_EQ(folder.num_entries(), 1U);
}

TEST_F(OutputFile, KeepsModeAndOtherNamesOfAnExistingFile) {
  std::ofstream(file) << "old";
  ASSERT_EQ(chmod(file.c_str(), 0640), 0);
  fs::create_hard_link(file, folder / "other name");
  const auto inode = status_of(file).st_ino;
  write_output(file, "new");
  EXPECT_EQ(status_of(file).st_mode & 07777U, 0640U);
  EXPECT_EQ(status_of(file).st_ino, inode);
  EXPECT_EQ(text_of(folder / "other name"), "new");
}

TEST_F(OutputFile, FollowsLinksAlsoToAFileThatIsNotThereYet) {
  fs::create_directory(folder / "elsewhere");
  for (const char* name : {"there", "not yet"}) {
    const fs::path link = folder / (std::string("link to ") + name);
    const fs::path target = folder / "elsewhere" / name;
    if (std::string(name) == "there") std::ofstream(target) << "old";
    fs::create_symlink(target, link);
    write_output(link, "new");
    EXPECT_TRUE(fs::is_symlink(link));
    EXPECT_EQ(text_of(target), "new");
  }
}

TEST_F(OutputFile, NamesALinkThatLeadsNowhereElse) {
  fs::create_symlink("loop", folder / "loop");
  EXPECT_EQ(code_of_writing(folder / "loop" / "file", "x"), ExitCode::cannot_create);
}

TEST_F(OutputFile, WritesIntoAPipe) {
  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  const std::string sent(1 << 20, 'x');  // more than a pipe holds
  std::string received;
  std::thread reader([&] { received = text_of(file); });
  write_output(file, sent);
  reader.join();
  EXPECT_EQ(received.size(), sent.size());
  EXPECT_TRUE(S_ISFIFO(status_of(file).st_mode));
}

TEST_F(OutputFile, NamesAPipeWhoseReaderLeft) {
  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  std::signal(SIGPIPE, SIG_IGN);  // as the program does
  std::thread reader([&] {
    const int pipe = open(file.c_str(), O_RDONLY);
    close(pipe);
  });
  EXPECT_EQ(code_of_writing(file, std::string(1 << 20, 'x')), ExitCode::io_error);
  reader.join();
  EXPECT_TRUE(S_ISFIFO(status_of(file).st_mode));
}

TEST_F(OutputFile, WritesToADevice) {
  // Another node of the same device as /dev/null, so that a mistake could not harm the machine.
  if (mknod(file.c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) GTEST_SKIP() << "needs root";
  const int probe = open(file.c_str(), O_WRONLY);
  if (probe < 0) GTEST_SKIP() << "devices cannot be opened here";
  close(probe);
  write_output(file, "text");
  EXPECT_TRUE(S_ISCHR(status_of(file).st_mode));
}

TEST_F(OutputFile, SaysWhyAFileCannotBeOpened) {
  EXPECT_EQ(code_of_writing(folder / "no folder/file"), ExitCode::cannot_create);
  EXPECT_EQ(code_of_writing(folder.path()), ExitCode::cannot_create);
  if (getuid() == 0) return;  // who may do everything
  std::ofstream(file) << "old";
  ASSERT_EQ(chmod(file.c_str(), 0400), 0);
  EXPECT_EQ(code_of_writing(file), ExitCode::permission);
  EXPECT_EQ(text_of(file), "old");
}

TEST_F(OutputFile, RemovesANewFileThatCannotBeWrittenWhole) {
  std::signal(SIGXFSZ, SIG_IGN);  // as the program does
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = before;
  small.rlim_cur = 1000;
  setrlimit(RLIMIT_FSIZE, &small);
  const ExitCode code = code_of_writing(file, std::string(5000, 'x'));
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(code, ExitCode::io_error);
  EXPECT_FALSE(fs::exists(file));
}

}  // namespace
}  // namespace enas::io
