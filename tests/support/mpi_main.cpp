// SPDX-License-Identifier: Apache-2.0
// main of the tests on several ranks. Rank 0 prints as usual, other ranks their failures only.
#include "support/mpi_main.hpp"

#include <gtest/gtest.h>

#include <exception>
#include <iostream>

#include "core/text.hpp"

namespace {

using enas::concat;
using enas::ExitCode;
using enas::comm::World;

World* the_world = nullptr;

// Ranks start and end each test together, so a failure is printed beside its test. Never
// communicate in OnTestPartResult: only the rank that fails an assertion gets there.
class Together : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo&) override { test_world().barrier(); }
  void OnTestEnd(const testing::TestInfo&) override { test_world().barrier(); }
};

class FailurePrinter : public testing::EmptyTestEventListener {
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::cerr << concat("[rank ", test_world().rank(), "] ",
                        result.file_name() ? result.file_name() : "unknown file", ":",
                        result.line_number(), ": Failure\n", result.message(), "\n");
  }
};

int run_all_tests() {
  World& world = test_world();
  const auto* tests = testing::UnitTest::GetInstance();
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  if (!world.is_root()) {
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new FailurePrinter);
  }
  listeners.Append(new Together);

  bool passed = RUN_ALL_TESTS() == 0;
  if (tests->successful_test_count() + tests->failed_test_count() == 0) {
    std::cerr << concat("rank ", world.rank(), ": no test was run\n");
    passed = false;
  }
  if (!passed) std::cerr << concat("rank ", world.rank(), ": FAILED\n");
  return world.all_agree(passed) ? 0 : 1;
}

}  // namespace

World& test_world() {
  enas::expect(the_world != nullptr, "test_world() is there while tests run");
  return *the_world;
}

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  // An exception that leaves a test on one rank would leave the others in a collective.
  testing::FLAGS_gtest_catch_exceptions = false;
  World world(&argc, &argv);
  the_world = &world;
  try {
    return run_all_tests();
  } catch (const std::exception& error) {
    std::cerr << concat("rank ", world.rank(), ": uncaught exception: ", error.what(), "\n");
    world.abort(ExitCode::internal);
  }
}
