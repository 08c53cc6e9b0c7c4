// SPDX-License-Identifier: Apache-2.0
#include "app/config/toml_reader.hpp"

#include <gtest/gtest.h>

#include "core/text.hpp"
#include "unit/app/config/config_helpers.hpp"

namespace enas::app {
namespace {

std::string syntax_error(const std::string& text) {
  const Refusal refused = refusal_of([&] { read_toml(text, "t.toml"); });
  if (!refused.message.empty()) {
    EXPECT_EQ(refused.code, ExitCode::bad_data);
  }
  return refused.message;
}

TEST(TomlReader, FlattensTablesInTheOrderOfTheText) {
  const auto entries = read_toml("z = 1\na.c = [\"x\"]\n[b]\ny = { d = true }\n", "t.toml");
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].key, "z");
  EXPECT_EQ(entries[0].value, Value(std::int64_t{1}));
  EXPECT_EQ(entries[0].place, "t.toml:1:1");
  EXPECT_EQ(entries[1].key, "a.c");
  EXPECT_EQ(entries[1].value, Value(std::vector<std::string>{"x"}));
  EXPECT_EQ(entries[2].key, "b.y.d");
  EXPECT_EQ(entries[2].value, Value(true));
  EXPECT_EQ(entries[2].place, "t.toml:4:7");
}

TEST(TomlReader, SyntaxErrorsHaveLineAndColumn) {
  EXPECT_EQ(syntax_error("a = 1\nb = \n").substr(0, 11), "t.toml:2:5:");
  EXPECT_EQ(syntax_error("a = 99999999999999999999\n").substr(0, 9), "t.toml:1:");
  EXPECT_EQ(syntax_error("a = 1e400\n").substr(0, 9), "t.toml:1:");
  EXPECT_EQ(syntax_error("a = \"\xff\"\n").substr(0, 9), "t.toml:1:");
}

TEST(TomlReader, DuplicateKeysAreErrors) {
  const std::string message = syntax_error("[weights]\nslots = 1\nslots = 2\n");
  EXPECT_EQ(message.substr(0, 9), "t.toml:3:");
  EXPECT_NE(message.find("slots"), std::string::npos) << message;
}

TEST(TomlReader, RefusesWhatTheParserWouldSwallow) {
  EXPECT_EQ(syntax_error("\xEF\xBB\xBFx = 1\n"), "t.toml:1:1: starts with a byte-order mark");
  EXPECT_EQ(syntax_error(std::string("x = 1\ny\0 = 2\n", 13)), "t.toml:2:2: NUL byte");
}

std::string dotted(int dots) {
  std::string key = "a";
  for (int i = 0; i < dots; ++i) key += ".a";
  return key;
}

TEST(TomlReader, LongDottedKeysAreRefusedWhereverTheyHide) {
  EXPECT_EQ(syntax_error(dotted(32) + " = 1\n"), "");
  EXPECT_EQ(syntax_error(dotted(33) + " = 1\n"), "t.toml:1:66: more than 32 dots in a row");
  const std::vector<std::string> hidden = {
      concat("[", dotted(33), "]\n"), concat("x = { ", dotted(33), " = 1 }\n"),
      concat("x = [\"\"\"\n\"\"\", { ", dotted(33), " = 1 }]\n"),
      concat("\"#\".", dotted(33), " = 1\n")};
  for (const std::string& text : hidden) {
    EXPECT_NE(syntax_error(text).find("more than 32 dots in a row"), std::string::npos) << text;
  }
}

TEST(TomlReader, DotsOfOrdinaryTextAreFine) {
  std::string numbers = concat("x = [\"", dotted(10), "\"");
  for (int i = 0; i < 50; ++i) numbers += ", \"0.5\"";
  EXPECT_EQ(syntax_error(numbers + "]\n# a sentence. Another. And so on ...\n"), "");
}

TEST(TomlReader, MessagesHoldNoControlCharacters) {
  EXPECT_EQ(printable("a\x1b[2Jb\n"), "a\\x1b[2Jb\\x0a");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
}

}  // namespace
}  // namespace enas::app
