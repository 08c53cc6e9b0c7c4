// SPDX-License-Identifier: Apache-2.0
#include "core/json.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "core/json_text.hpp"

namespace enas {
namespace {

TEST(Json, HoldsNullForNumbersThatItCannotHold) {
  const double infinity = std::numeric_limits<double>::infinity();
  const Json json = {{"a", number_or_null(0.5)},
                     {"b", number_or_null(infinity)},
                     {"c", number_or_null(std::numeric_limits<double>::quiet_NaN())}};
  EXPECT_EQ(json_text(json), R"({"a":0.5,"b":null,"c":null})");
}

TEST(Json, TextHasAReplacementForBytesThatAreNotUtf8) {
  EXPECT_EQ(json_text(Json("caf\xe9")), "\"caf\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace enas
