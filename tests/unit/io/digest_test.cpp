// SPDX-License-Identifier: Apache-2.0
#include "io/digest.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace enas::io {
namespace {

// Known answers; `xxhsum -H2` prints the same.
TEST(Digest, GivesWhatXxhsumGives) {
  EXPECT_EQ(digest_text("").hex(), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(digest_text("abc").hex(), "06b05ab6733a618578af5f94892f3950");
}

TEST(Digest, ThePiecesDoNotMatter) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += static_cast<char>('a' + i * i % 26);
  for (const std::size_t piece : {1U, 7U, 64U, 255U, 1024U, 4999U}) {
    Digester digester;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      digester.add(std::string_view(text).substr(at, piece));
    }
    EXPECT_EQ(digester.finish(), digest_text(text)) << piece;
  }
}

TEST(Digest, FinishMayBeFollowedByMore) {
  Digester digester;
  digester.add("ab");
  EXPECT_EQ(digester.finish(), digest_text("ab"));
  EXPECT_EQ(digester.add("c").finish(), digest_text("abc"));
  Digester copy = digester;
  EXPECT_EQ(copy.add("e").finish(), digest_text("abce"));
  Digester moved = std::move(digester);
  EXPECT_EQ(moved.add("d").finish(), digest_text("abcd"));
}

TEST(Digest, ValuesAreTheirLittleEndianBytes) {
  const std::vector<std::uint64_t> values = {0x0807060504030201U, 2};
  const std::string_view bytes("\1\2\3\4\5\6\7\10\2\0\0\0\0\0\0\0", 16);
  EXPECT_EQ(Digester().add_values(std::span<const std::uint64_t>(values)).finish(),
            digest_text(bytes));
  EXPECT_EQ(Digester().add_value(values[0]).add_value(values[1]).finish(), digest_text(bytes));
}

TEST(Digest, ComparesBothHalves) {
  EXPECT_NE((Digest{.high = 1, .low = 2}), (Digest{.high = 1, .low = 3}));
  EXPECT_NE((Digest{.high = 1, .low = 2}), (Digest{.high = 2, .low = 2}));
  EXPECT_EQ((Digest{.high = 1, .low = 0xab}).hex(), "000000000000000100000000000000ab");
}

}  // namespace
}  // namespace enas::io
