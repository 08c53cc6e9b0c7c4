// SPDX-License-Identifier: Apache-2.0
// Operations by name, and the lists of them that a space refuses.
#include "space/operation.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"

namespace enas::space {
namespace {

constexpr Operation kConv = Operation::conv_3x3;
constexpr Operation kPool = Operation::max_pool_3x3;

std::string refusal(const std::vector<Operation>& operations) {
  try {
    require_operations(operations, {kConv, kPool}, "toy");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Operation, NamesRoundTrip) {
  const std::vector<Operation> all = {Operation::conv_3x3,     Operation::sep_conv_3x3,
                                      Operation::conv_5x5,     Operation::sep_conv_5x5,
                                      Operation::avg_pool_3x3, Operation::max_pool_3x3,
                                      Operation::identity};
  for (const Operation operation : all) {
    EXPECT_EQ(operation_from_name(name_of(operation)), operation);
  }
  EXPECT_EQ(names_of(all),
            (std::vector<std::string>{"conv_3x3", "sep_conv_3x3", "conv_5x5", "sep_conv_5x5",
                                      "avg_pool_3x3", "max_pool_3x3", "identity"}));
  try {
    operation_from_name("conv_7x7");
    FAIL() << "conv_7x7 was accepted";
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "unknown operation 'conv_7x7': known are conv_3x3, sep_conv_3x3, conv_5x5, "
                 "sep_conv_5x5, avg_pool_3x3, max_pool_3x3, identity");
  }
}

TEST(Operation, ListsSayWhatIsWrongWithThem) {
  EXPECT_EQ(refusal({kPool, kConv}), "accepted");
  EXPECT_EQ(refusal({}),
            "the toy space has no operations: name at least one of conv_3x3, max_pool_3x3 "
            "(space.operations)");
  EXPECT_EQ(refusal({kPool, Operation::identity}),
            "the toy space has no operation 'identity': allowed are conv_3x3, max_pool_3x3 "
            "(space.operations)");
  EXPECT_EQ(refusal({kPool, kPool}),
            "the operation 'max_pool_3x3' is listed twice: each may appear once "
            "(space.operations)");
}

}  // namespace
}  // namespace enas::space
