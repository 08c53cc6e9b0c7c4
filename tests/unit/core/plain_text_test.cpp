// SPDX-License-Identifier: Apache-2.0
// White space, line ends and UTF-8 as Python has them; tests/e2e/test_text.py holds whole files
// against Python itself.
#include "core/plain_text.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>

#include "core/utf8.hpp"

namespace enas {
namespace {

using namespace std::string_view_literals;

/// The character in UTF-8, without looking whether there is such a character.
std::string encoded(char32_t code) {
  const auto part = [&](unsigned shift) {
    return static_cast<char>(0x80U | ((code >> shift) & 0x3FU));
  };
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xC0U | (code >> 6U)), part(0)};
  if (code < 0x10000) return {static_cast<char>(0xE0U | (code >> 12U)), part(6), part(0)};
  return {static_cast<char>(0xF0U | (code >> 18U)), part(12), part(6), part(0)};
}

TEST(PlainText, EveryCharacterIsWhiteSpaceWherePythonSaysSo) {
  // [c for c in range(0x110000) if chr(c).isspace()], without the two that end lines
  const std::set<char32_t> spaces = {0x09,   0x0B,   0x0C,   0x1C,   0x1D,   0x1E,   0x1F,
                                     0x20,   0x85,   0xA0,   0x1680, 0x2000, 0x2001, 0x2002,
                                     0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009,
                                     0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000};
  for (char32_t code = 0; code < 0x110000; ++code) {
    if (code == '\r' || (code >= 0xD800 && code < 0xE000)) continue;
    const std::string text = std::string("x").append(encoded(code)).append("y");
    ASSERT_EQ(plain_text(text), spaces.contains(code) ? "x y" : text)
        << static_cast<std::uint32_t>(code);
  }
}

TEST(PlainText, EveryLineEndIsOneNewline) {
  EXPECT_EQ(plain_text("a\nb\rc\r\nd\n\re\r\r\nf\r"), "a\nb\nc\nd\n\ne\n\nf\n");
  EXPECT_EQ(plain_text("\r"), "\n");
  EXPECT_EQ(plain_text(""), "");
}

TEST(PlainText, OnlyAByteOrderMarkAtTheStartIsLeftOut) {
  EXPECT_EQ(plain_text("\xEF\xBB\xBF"
                       "a"),
            "a");
  EXPECT_EQ(plain_text("\xEF\xBB\xBF\xEF\xBB\xBF"), "\xEF\xBB\xBF");
  EXPECT_EQ(plain_text("a \xEF\xBB\xBF"), "a \xEF\xBB\xBF");
  EXPECT_EQ(plain_text("\xEF\xBB"), "\xEF\xBB");
}

TEST(PlainText, BytesThatAreNotUtf8StayAndHideNoWhiteSpace) {
  // A no-break space after the first bytes of longer characters, and cut off at the end.
  EXPECT_EQ(plain_text("a\xE3\xC2\xA0z"), "a\xE3 z");
  EXPECT_EQ(plain_text("a\xE3\x80\xE3\x80\x80z"), "a\xE3\x80 z");
  EXPECT_EQ(plain_text("a\x80\xA0\xFFz\xC2"), "a\x80\xA0\xFFz\xC2");
  EXPECT_EQ(plain_text("\xC0\xA0"), "\xC0\xA0") << "a blank in a longer form than needed";
}

TEST(PlainText, EveryCharacterIsUtf8) {
  for (char32_t code = 0; code < 0x200000; ++code) {
    const bool is_character = code < 0x110000 && (code < 0xD800 || code >= 0xE000);
    const std::string text = std::string("12345").append(encoded(code)).append("12345678");
    ASSERT_EQ(find_invalid_utf8(text), is_character ? std::string::npos : 5)
        << static_cast<std::uint32_t>(code);
  }
}

TEST(PlainText, SaysWhereUtf8Ends) {
  EXPECT_EQ(find_invalid_utf8(""), std::string_view::npos);
  EXPECT_EQ(find_invalid_utf8("12345678\xE9t\xE9"), 8U) << "Latin-1";
  EXPECT_EQ(find_invalid_utf8("\xC3\xA9\xC3"), 2U) << "cut off";
  EXPECT_EQ(find_invalid_utf8("\xF0\x9F\x98 "), 0U) << "cut short";
  EXPECT_EQ(find_invalid_utf8("\x80"), 0U) << "the middle of a character";
  EXPECT_EQ(find_invalid_utf8("\xC1\xBF"), 0U) << "a longer form than needed";
  EXPECT_EQ(find_invalid_utf8("\xE0\x9F\xBF"), 0U) << "a longer form than needed";
  EXPECT_EQ(find_invalid_utf8("\xF0\x8F\xBF\xBF"), 0U) << "a longer form than needed";
  EXPECT_EQ(find_invalid_utf8("\xFF\xFE"
                              "a\0"sv),
            0U)
      << "UTF-16";
}

}  // namespace
}  // namespace enas
