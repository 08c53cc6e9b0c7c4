// SPDX-License-Identifier: Apache-2.0
#include "core/memory.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

namespace enas {
namespace {

TEST(PeakMemory, IsInBytesAndHoldsWhatWasTouched) {
  constexpr std::size_t kBytes = std::size_t{256} << 20;
  {
    const std::vector<char> touched(kBytes, 1);
    EXPECT_EQ(touched.back(), 1);
  }
  EXPECT_GT(peak_memory_bytes(), static_cast<double>(kBytes));
  EXPECT_LT(peak_memory_bytes(), 1e12);
}

}  // namespace
}  // namespace enas
