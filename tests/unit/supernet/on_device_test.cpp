// SPDX-License-Identifier: Apache-2.0
// A supernet behind OnDevice, with the CPU for the device: the same numbers, and weights that move
// on the host alone.
#include "supernet/on_device.hpp"

#include <gtest/gtest.h>

#include "small_images.hpp"

namespace enas::supernet {
namespace {

const space::MacroSpaceOptions kSpace{.layers = 4};

std::unique_ptr<Supernet> small_macro() {
  return std::make_unique<MacroSupernet>(kSpace, MacroOptions{.filters = 8}, kSmallData, 3);
}

OnDevice on_cpu(bool bfloat16 = false) { return {small_macro(), at::kCPU, bfloat16}; }

TEST(OnDevice, GivesTheSupernetsNumbers) {
  const auto plain = small_macro();
  const OnDevice placed = on_cpu();
  EXPECT_EQ(placed.space_id(), plain->space_id());
  const auto child = random_macro(kSpace, 1);
  EXPECT_EQ(placed.touched(child), plain->touched(child));
  const Pass expected = gradient_of(*plain, child);
  ASSERT_EQ(placed.weights().size(), plain->weights().size());
  EXPECT_TRUE(same_gradients(gradient_of(placed, child), expected));
  EXPECT_EQ(score_of(placed, child).nats, score_of(*plain, child).nats);
}

TEST(OnDevice, PassesFollowTheWeightsOfTheHost) {
  const auto plain = small_macro();
  const OnDevice placed = on_cpu();
  const auto child = random_macro(kSpace, 2);
  const Pass before = gradient_of(placed, child);
  for (const int number : placed.touched(child)) {
    for (const auto* net :
         {static_cast<const Supernet*>(plain.get()), static_cast<const Supernet*>(&placed)}) {
      net->weights()[static_cast<std::size_t>(number)].value.mul_(0.5);
    }
  }
  const Pass after = gradient_of(placed, child);
  EXPECT_NE(after.loss, before.loss);
  EXPECT_TRUE(same_gradients(after, gradient_of(*plain, child)));
  EXPECT_EQ(score_of(placed, child).nats, score_of(*plain, child).nats);
}

TEST(OnDevice, GradientsStayFloat32WithBfloat16Products) {
  const OnDevice rounded = on_cpu(true);
  const auto child = random_macro(kSpace, 3);
  const Pass found = gradient_of(rounded, child);
  for (const at::Tensor& gradient : found.gradients) EXPECT_EQ(gradient.scalar_type(), at::kFloat);
}

}  // namespace
}  // namespace enas::supernet
