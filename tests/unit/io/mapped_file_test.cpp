// SPDX-License-Identifier: Apache-2.0
// Mapped files: the bytes, what is refused, and who owns the mapping.
#include "io/mapped_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <string_view>
#include <utility>

#include "core/error.hpp"
#include "unit/io/scratch_folder.hpp"

namespace enas::io {
namespace {

std::string_view text(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

ExitCode refusal(const std::filesystem::path& path, const std::string& part) {
  try {
    MappedFile file(path);
  } catch (const InputError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find(path.string()), std::string::npos) << message;
    EXPECT_NE(message.find(part), std::string::npos) << message;
    return error.code();
  }
  return ExitCode::success;
}

TEST(MappedFileTest, HoldsTheBytesOfTheFile) {
  const ScratchFolder folder;
  std::ofstream(folder / "a b") << std::string("x\0yz", 4);
  const MappedFile file(folder / "a b");
  EXPECT_EQ(text(file), std::string_view("x\0yz", 4));
  EXPECT_EQ(file.path(), folder / "a b");
}

TEST(MappedFileTest, MovingKeepsTheMapping) {
  const ScratchFolder folder;
  std::ofstream(folder / "a") << "first";
  std::ofstream(folder / "b") << "second";
  MappedFile first(folder / "a");
  const std::byte* start = first.bytes().data();
  MappedFile moved(std::move(first));
  EXPECT_EQ(moved.bytes().data(), start);
  EXPECT_TRUE(first.bytes().empty());
  {
    MappedFile second(folder / "b");
    moved = std::move(second);
  }
  EXPECT_EQ(text(moved), "second");
  EXPECT_EQ(moved.path(), folder / "b");
}

TEST(MappedFileTest, RefusesWhatIsNoPlainFile) {
  const ScratchFolder folder;
  std::ofstream(folder / "empty").flush();
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(refusal(folder / "nothing", "cannot be opened: No such file"), ExitCode::missing_input);
  EXPECT_EQ(refusal(folder / "empty", "is empty"), ExitCode::bad_data);
  EXPECT_EQ(refusal(folder / "pipe", "not a plain file"), ExitCode::bad_data);
  EXPECT_EQ(refusal(folder.path(), "not a plain file"), ExitCode::bad_data);
}

}  // namespace
}  // namespace enas::io
