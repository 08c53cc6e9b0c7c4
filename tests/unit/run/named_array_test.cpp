// SPDX-License-Identifier: Apache-2.0
// Named views: what digests see, what copies move, what counts as finite.
#include "run/named_array.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/thrown.hpp"

namespace enas::run {
namespace {

struct State {
  std::vector<float> floats = {1.0F, -0.0F, 3.5F};
  std::vector<double> doubles = {0.1};
  std::vector<std::int64_t> integers = {-7, 8};

  std::vector<NamedArray> arrays() {
    return {{"floats", {3}, std::span<float>(floats)},
            {"doubles", {1}, std::span<double>(doubles)},
            {"integers", {2}, std::span<std::int64_t>(integers)}};
  }
};

TEST(NamedArray, DigestSeesNamesBytesAndOrder) {
  State state;
  const auto digest = digest_of(state.arrays());
  EXPECT_EQ(digest_of(State().arrays()), digest);

  auto renamed = state.arrays();
  renamed[1].name = "double";
  EXPECT_NE(digest_of(renamed), digest);
  auto swapped = state.arrays();
  std::swap(swapped[0], swapped[1]);
  EXPECT_NE(digest_of(swapped), digest);
  auto shorter = state.arrays();
  shorter.pop_back();
  EXPECT_NE(digest_of(shorter), digest);
}

TEST(NamedArray, DigestSeesEveryBit) {
  const auto digest = digest_of(State().arrays());
  for (std::size_t array = 0; array < 3; ++array) {
    for (std::size_t byte = 0; byte < State().arrays()[array].bytes().size(); ++byte) {
      State state;
      state.arrays()[array].bytes()[byte] ^= std::byte{1};
      EXPECT_NE(digest_of(state.arrays()), digest) << array << " " << byte;
    }
  }
  State positive_zero;
  positive_zero.floats[1] = 0.0F;
  EXPECT_NE(digest_of(positive_zero.arrays()), digest);
}

TEST(NamedArray, ViewsATensorInPlace) {
  const at::Tensor tensor = at::zeros({2, 3});
  const auto array = named_array("w", tensor);
  EXPECT_EQ(array.shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(array.bytes().size(), 24U);
  std::get<std::span<float>>(array.values)[4] = 2.5F;
  EXPECT_EQ(tensor[1][1].item<float>(), 2.5F);
}

TEST(NamedArray, WantsContiguousFloat32) {
  EXPECT_THROW(named_array("w", at::zeros({2, 3}).t()), ContractError);
  EXPECT_THROW(named_array("w", at::arange(3)), ContractError);
}

TEST(NamedArray, CopiesValues) {
  State from;
  State to;
  to.floats = {9, 9, 9};
  to.doubles = {9};
  to.integers = {9, 9};
  copy_values(from.arrays(), to.arrays());
  EXPECT_EQ(digest_of(to.arrays()), digest_of(from.arrays()));
  EXPECT_EQ(to.integers, from.integers);
}

TEST(NamedArray, CopiesOnlyBetweenEqualLists) {
  State from;
  State to;
  auto renamed = to.arrays();
  renamed[2].name = "other";
  EXPECT_THROW(copy_values(from.arrays(), renamed), ContractError);
  auto fewer = to.arrays();
  fewer.pop_back();
  EXPECT_THROW(copy_values(from.arrays(), fewer), ContractError);
  State longer;
  longer.integers.push_back(1);
  EXPECT_THROW(copy_values(from.arrays(), longer.arrays()), ContractError);
}

TEST(NamedArray, FindsValuesThatAreNotFinite) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  State finite;
  for (const auto& array : finite.arrays()) EXPECT_TRUE(all_finite(array));
  for (const double bad : {kInfinity, -kInfinity, std::nan("")}) {
    State state;
    state.floats[2] = static_cast<float>(bad);
    state.doubles[0] = bad;
    EXPECT_FALSE(all_finite(state.arrays()[0]));
    EXPECT_FALSE(all_finite(state.arrays()[1]));
    EXPECT_TRUE(all_finite(state.arrays()[2]));
  }
}

}  // namespace
}  // namespace enas::run
