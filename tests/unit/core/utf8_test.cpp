// SPDX-License-Identifier: Apache-2.0
#include "core/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/json_text.hpp"

namespace enas {
namespace {

TEST(Utf8, TakesLettersOfEveryLength) {
  for (const std::string text : {"", "plain", "Zürich", "搜索", "😀", "\x7f", "\u0080", "\ud7ff",
                                 "\ue000", "\uffff", "\U0010ffff"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
    EXPECT_EQ(with_visible_bytes(text), text);
  }
}

TEST(Utf8, RefusesWhatUnicodeRefuses) {
  for (const std::string text :
       {"caf\xe9", "\x80", "\xbf", "\xff", "\xc3", "\xe6\x90", "\xf0\x9f\x98", "\xc0\xaf",
        "\xc1\xbf", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xc3\xc3"}) {
    EXPECT_FALSE(is_utf8(text)) << with_visible_bytes(text);
  }
}

TEST(Utf8, OnlyWrongBytesAreWrittenOut) {
  EXPECT_EQ(with_visible_bytes("caf\xe9/Zürich"), "caf\\xe9/Zürich");
  EXPECT_EQ(with_visible_bytes("\xe6\x90"), "\\xe6\\x90");
}

TEST(Utf8, WideSpaceIsThatOfPythonAndWhatHasNoWidth) {
  for (const char* space : {"\xC2\x85", "\xC2\xA0", "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x8A",
                            "\xE2\x80\x8B", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF",
                            "\xE2\x81\x9F", "\xE3\x80\x80", "\xEF\xBB\xBF"}) {
    EXPECT_EQ(wide_space(space), std::string_view(space).size());
    EXPECT_EQ(wide_space(std::string(space) + " x"), std::string_view(space).size());
  }
  for (const char* other : {"", " ", "\n", "x", "ä", "€", "\xC2", "\xA0", "\xE3\x80",
                            "\xE2\x80\x8C", "\xC0\xA0", "\xE0\x82\xA0", "\xF0\x82\x82\xA0"}) {
    EXPECT_EQ(wide_space(other), 0U) << other;
  }
}

TEST(Utf8, VisibleShowsWhatTerminalsHide) {
  EXPECT_EQ(visible("plain äöü €", 20), "plain äöü €");
  EXPECT_EQ(visible("a\x1b[1m\n\t\x7f", 20), "a\\x1b[1m\\x0a\\x09\\x7f");
  EXPECT_EQ(visible("\xC2\xA0"
                    "x\xFF\xC2\x9B",
                    20),
            "\\xc2\\xa0x\\xff\\xc2\\x9b");
  EXPECT_EQ(visible("", 5), "");
}

TEST(Utf8, VisibleCutsBetweenCharacters) {
  EXPECT_EQ(visible("abcdef", 6), "abcdef");
  EXPECT_EQ(visible("abcdefg", 6), "abcdef…");
  EXPECT_EQ(visible("aäö", 3), "aä…");
  EXPECT_EQ(visible("aäö", 4), "aä…");
  EXPECT_EQ(visible("\xE2\x82", 5), "\\xe2\\x82");
}

TEST(JsonText, TakesAnyBytes) {
  const Json json = {{"reason", "the word caf\xe9 is unknown"}};
  EXPECT_EQ(json_text(json), "{\"reason\":\"the word caf\uFFFD is unknown\"}");
  EXPECT_EQ(Json::parse(json_text(json, 2))["reason"], "the word caf\uFFFD is unknown");
}

}  // namespace
}  // namespace enas
