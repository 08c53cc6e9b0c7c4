// SPDX-License-Identifier: Apache-2.0
#include "space/formats/python_values.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "unit/space/refusal.hpp"

namespace enas::space {
namespace {

std::string read(std::string_view text) { return PythonReader(text, "a.py").value().dump(); }

std::string refusal(std::string_view text) {
  return refusal_of([&] { read(text); });
}

TEST(PythonReader, ReadsListsNamesAndNumbers) {
  EXPECT_EQ(read("[('skip', 0), (\"none\", -1), 2.5, .5,]"), R"([["skip",0],["none",-1],2.5,0.5])");
  EXPECT_EQ(read("[]"), "[]");
  EXPECT_EQ(read("[None, nan, inf]"), "[null,null,null]");
}

TEST(PythonReader, BlanksAndCommentsCountNowhere) {
  EXPECT_EQ(read(" # first\n[1, # one\n\t2]"), "[1,2]");
}

TEST(PythonReader, ExpandsRanges) {
  EXPECT_EQ(read("range(3)"), "[0,1,2]");
  EXPECT_EQ(read("range(2, 6)"), "[2,3,4,5]");
  EXPECT_EQ(read("range(2, 7, 2)"), "[2,4,6]");
  EXPECT_EQ(read("range(6, 2)"), "[]");
  for (const char* text : {"range()", "range(1, 2, 3, 4)", "range('a')", "range(1, 5, 0)"}) {
    expect_words(refusal(text), {"a.py:1:6: expected range(end), range(begin, end) or"});
  }
}

TEST(PythonReader, TakesTheArgumentOfAWrapper) {
  EXPECT_EQ(read("np.array([1, np.int64(2)])"), "[1,2]");
  EXPECT_EQ(read("list(range(2))"), "[0,1]");
  expect_words(refusal("list(1, 2)"), {"a.py:1:1: expected one value in list(...)"});
  expect_words(refusal("print(1)"), {"a.py:1:1: expected a list, a quoted name, a number"});
}

TEST(PythonReader, SaysWhereSomethingElseStands) {
  expect_words(refusal("[1,\n 2;"), {"a.py:2:3: expected ',' or ']' before ';'"});
  expect_words(refusal("['a"), {"a.py:1:2: a quote that does not end on its line"});
  expect_words(refusal("["), {"a.py:1:2: expected a list", "before the end"});
  expect_words(refusal("[[[[[[[[[[1]]]]]]]]]]"), {"too many brackets"});
  PythonReader reader("?", "a.py");
  reader.set_note(" (second of two)");
  expect_words(refusal_of([&] { reader.value(); }), {"before '?' (second of two)"});
}

TEST(PythonReader, RefusesMoreValuesThanAnyArchitectureHas) {
  std::string many = "[";
  for (int i = 0; i < 100'001; ++i) many += "1,";
  expect_words(refusal(many + "]"), {"more than 100000 values"});
}

}  // namespace
}  // namespace enas::space
