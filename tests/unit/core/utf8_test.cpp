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

TEST(JsonText, TakesAnyBytes) {
  const Json json = {{"reason", "the word caf\xe9 is unknown"}};
  EXPECT_EQ(json_text(json), "{\"reason\":\"the word caf\uFFFD is unknown\"}");
  EXPECT_EQ(Json::parse(json_text(json, 2))["reason"], "the word caf\uFFFD is unknown");
}

}  // namespace
}  // namespace enas
