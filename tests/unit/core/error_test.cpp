// SPDX-License-Identifier: Apache-2.0
#include "core/error.hpp"

#include <gtest/gtest.h>

#include <string>

namespace enas {
namespace {

TEST(Error, CarriesItsExitCode) {
  EXPECT_EQ(ConfigError("x").code(), ExitCode::bad_data);
  EXPECT_EQ(ConfigError("x", ExitCode::usage).code(), ExitCode::usage);
  EXPECT_EQ(InputError("x", ExitCode::missing_input).code(), ExitCode::missing_input);
  EXPECT_EQ(SystemError("x").code(), ExitCode::io_error);
  EXPECT_EQ(ContractError("x").code(), ExitCode::internal);
}

TEST(Error, ExpectNamesWhatAndWhere) {
  EXPECT_NO_THROW(expect(true, "never"));
  try {
    expect(false, "the sum is 1");
    FAIL() << "expect did not throw";
  } catch (const ContractError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("the sum is 1"), std::string::npos) << message;
    EXPECT_NE(message.find("(core/error_test.cpp:"), std::string::npos) << message;
    EXPECT_NE(message.find("TestBody"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace enas
