// SPDX-License-Identifier: Apache-2.0
// Throws on rank 1 while the others wait in a collective: the harness must abort the job.
#include <gtest/gtest.h>

#include <stdexcept>

#include "support/mpi_main.hpp"

TEST(Harness, ExceptionOfOneRank) {
  if (test_world().rank() == 1) throw std::runtime_error("thrown on purpose");
  test_world().barrier();
  test_world().barrier();
  FAIL() << "passed two barriers that rank 1 never entered";
}
