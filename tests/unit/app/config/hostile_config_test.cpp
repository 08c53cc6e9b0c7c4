// SPDX-License-Identifier: Apache-2.0
// Files that nobody should feed to the program: each must give one error, quickly.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>

#include "app/config/config.hpp"
#include "app/config/toml_reader.hpp"
#include "core/random.hpp"
#include "core/text.hpp"
#include "unit/app/config/config_helpers.hpp"

namespace enas::app {
namespace {

namespace fs = std::filesystem;

class HostileConfig : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("enas_hostile_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path file(const std::string& text) const {
    const fs::path path = folder_ / "t.toml";
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  /// Reads the file as the program does; it must be refused within 2 s of this process's own time.
  static Refusal refuse(const fs::path& path) {
    const std::clock_t start = std::clock();
    const Refusal refused = refusal_of([&] { read_config(read_config_text(path), "t.toml", {}); });
    EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 2.0);
    EXPECT_FALSE(refused.message.empty());
    return refused;
  }

  fs::path folder_;
};

std::string repeated(const std::string& piece, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += piece;
  return text;
}

TEST_F(HostileConfig, TextIsRefusedWithItsPlace) {
  const std::string good = "data.source = \"markov\"\n";
  const std::vector<std::string> texts = {
      "[weights]\nslots = 1\nslots = 1\n",
      "[weights]\n[weights]\n",
      "weights.lr = \"\xC3\x28\"\n",
      "\xEF\xBB\xBF" + good,
      good + std::string(1, '\0'),
      repeated("[", 100000),
      concat("x = ", repeated("[", 100000)),
      concat("x = ", repeated("{a=", 100000)),
      concat("a", repeated(".a", 100000), " = 1\n"),
      concat("[a", repeated(".a", 100000), "]\n"),
      repeated("a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a={", 10000),
      good + "weights.lr = 1e400\n",
      good + "weights.slots = 99999999999999999999\n",
      good + "weights.lr = nan\n",
      good + "weights.lr = inf\n",
      good + "weights.slots = \"2\"\n",
      good + "weights.slotss = 2\n",
      good + "run.dir = \"" + std::string(100000, 'x') + "\n",
      good + std::string(100000, 'k') + " = 1\n",
  };
  for (const std::string& text : texts) {
    SCOPED_TRACE(text.substr(0, 60));
    const Refusal refused = refuse(file(text));
    EXPECT_EQ(refused.code, ExitCode::bad_data);
    EXPECT_TRUE(refused.message.starts_with("t.toml:")) << refused.message;
    EXPECT_LT(refused.message.size(), 4000U);
  }
}

TEST_F(HostileConfig, NestedDottedTablesNeitherCrashNorHang) {
  const std::string open = concat("{a", repeated(".a", 32), "=");
  const Refusal refused =
      refuse(file(concat("x=", repeated(open, 250), "1", repeated("}", 250), "\n")));
  EXPECT_EQ(refused.code, ExitCode::bad_data);
  EXPECT_NE(refused.message.find("unknown section [x.a.a.a.a.a.a.a.a]"), std::string::npos)
      << refused.message;
}

TEST_F(HostileConfig, ManyUnknownKeysAreCountedNotListed) {
  std::string text = "[weights]\n";
  for (int i = 0; i < 50000; ++i) text += concat("slot", i, " = 1\n");
  const std::string message = refuse(file(text)).message;
  EXPECT_NE(message.find("and 49980 more problems"), std::string::npos) << message.substr(0, 3000);
}

TEST_F(HostileConfig, EmptyFileHasNoData) {
  EXPECT_NE(refuse(file("")).message.find("data.path is missing"), std::string::npos);
}

TEST_F(HostileConfig, OnlyRegularFilesOfModestSizeAreRead) {
  const fs::path fifo = folder_ / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(refuse(fifo).code, ExitCode::bad_data);
  EXPECT_EQ(refuse(folder_).code, ExitCode::bad_data);
  EXPECT_EQ(refuse(folder_ / "missing.toml").code, ExitCode::missing_input);
  const fs::path large = file(std::string(kMaxConfigBytes, ' ') + "\n");
  EXPECT_EQ(refuse(large).code, ExitCode::bad_data);
}

TEST_F(HostileConfig, RandomBytesAreRefused) {
  RandomStream random(1, {.purpose = Purpose::test});
  std::string bytes;
  for (int i = 0; i < (2 << 20) / 8; ++i) {
    const std::uint64_t bits = random.next_bits();
    bytes.append(reinterpret_cast<const char*>(&bits), sizeof bits);
  }
  EXPECT_EQ(refuse(file(bytes)).code, ExitCode::bad_data);
  // Short ones reach the parser.
  for (std::size_t i = 0; i < 2000; ++i) {
    const std::string piece = bytes.substr(i * 64, 64);
    refusal_of([&] { read_config(piece, "t.toml", {}); });
  }
}

}  // namespace
}  // namespace enas::app
