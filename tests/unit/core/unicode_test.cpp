// SPDX-License-Identifier: Apache-2.0
#include "core/unicode.hpp"

#include <gtest/gtest.h>

namespace enas {
namespace {

TEST(Unicode, WideSpaceIsThatOfPythonAndWhatHasNoWidth) {
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

TEST(Unicode, VisibleShowsWhatTerminalsHide) {
  EXPECT_EQ(visible("plain äöü €", 20), "plain äöü €");
  EXPECT_EQ(visible("a\x1b[1m\n\t\x7f", 20), "a\\x1b[1m\\x0a\\x09\\x7f");
  EXPECT_EQ(visible("\xC2\xA0" "x\xFF\xC2\x9B", 20), "\\xc2\\xa0x\\xff\\xc2\\x9b");
  EXPECT_EQ(visible("", 5), "");
}

TEST(Unicode, VisibleCutsBetweenCharacters) {
  EXPECT_EQ(visible("abcdef", 6), "abcdef");
  EXPECT_EQ(visible("abcdefg", 6), "abcdef…");
  EXPECT_EQ(visible("aäö", 3), "aä…");
  EXPECT_EQ(visible("aäö", 4), "aä…");
  EXPECT_EQ(visible("\xE2\x82", 5), "\\xe2\\x82");
}

}  // namespace
}  // namespace enas
