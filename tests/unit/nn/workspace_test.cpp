// SPDX-License-Identifier: Apache-2.0
#include "nn/workspace.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace enas::nn {
namespace {

TEST(Workspace, KeepsABufferThatIsLargeEnough) {
  Workspace workspace;
  const void* const first = workspace.take("a", {4, 5}, at::kFloat).const_data_ptr();
  const at::Tensor smaller = workspace.take("a", {3, 6}, at::kFloat);
  EXPECT_EQ(smaller.const_data_ptr(), first);
  EXPECT_EQ(smaller.sizes(), at::IntArrayRef({3, 6}));
  EXPECT_TRUE(smaller.is_contiguous());
}

TEST(Workspace, GrowsAndSeparatesNamesAndTypes) {
  Workspace workspace;
  const at::Tensor a = workspace.take("a", {4}, at::kFloat).fill_(1.0);
  EXPECT_EQ(workspace.take("a", {400}, at::kFloat).numel(), 400);
  EXPECT_EQ(workspace.take("a", {4}, at::kDouble).scalar_type(), at::kDouble);
  EXPECT_NE(workspace.take("b", {4}, at::kFloat).const_data_ptr(), a.const_data_ptr());
  EXPECT_EQ(a.sum().item<float>(), 4.0F);  // what was taken before stays alive
}

TEST(Workspace, LargePagesKeepValues) {
  const at::Tensor large = at::full({std::int64_t{3} << 20}, 7.0, at::kFloat);
  prefer_large_pages(large);
  prefer_large_pages(at::empty({0}));
  EXPECT_TRUE(large.eq(7.0).all().item<bool>());
}

}  // namespace
}  // namespace enas::nn
