// SPDX-License-Identifier: Apache-2.0
// A network behind OnDevice, with the CPU for the device: the same numbers, and weights and
// averages that move on the host alone.
#include "child/on_device.hpp"

#include <initializer_list>

#include "double_network.hpp"

namespace enas::child {
namespace {

constexpr nn::DataShape kShape{.channels = 3, .height = 6, .width = 5, .num_classes = 4};

std::unique_ptr<Network> small_network() {
  ImagePlan plan(kShape, 1e-5);
  plan.classify(plan.norm(plan.convolution(0, "conv", 8, 3), "norm"));
  return std::make_unique<ImageNetwork>(std::move(plan), ImageNetwork::Training{}, 1);
}

void expect_same(const nn::Pass& a, const nn::Pass& b) {
  EXPECT_EQ(a.loss, b.loss);
  EXPECT_EQ(a.correct, b.correct);
  ASSERT_EQ(a.gradients.size(), b.gradients.size());
  ASSERT_EQ(a.statistics.size(), b.statistics.size());
  for (std::size_t i = 0; i < a.gradients.size(); ++i) {
    EXPECT_TRUE(at::equal(a.gradients[i], b.gradients[i])) << i;
  }
  for (std::size_t i = 0; i < a.statistics.size(); ++i) {
    EXPECT_TRUE(at::equal(a.statistics[i], b.statistics[i])) << i;
  }
}

TEST(OnDevice, FollowsTheHostsWeightsAndAverages) {
  const auto plain = small_network();
  const OnDevice placed(small_network(), at::kCPU, false);
  ASSERT_EQ(placed.weights().size(), plain->weights().size());
  ASSERT_EQ(placed.averages().size(), plain->averages().size());
  EXPECT_EQ(placed.multiply_adds(), plain->multiply_adds());
  for (std::uint64_t step = 0; step < 3; ++step) {
    const nn::Batch batch = image_batch(kShape, 4, step);
    const nn::Pass expected = train(*plain, batch);
    expect_same(train(placed, batch), expected);
    for (const Network* net : std::initializer_list<const Network*>{plain.get(), &placed}) {
      for (std::size_t i = 0; i < expected.gradients.size(); ++i) {
        at::Tensor value = net->weights()[i].value;
        value.sub_(expected.gradients[i], 0.1);
      }
      move_averages(*net, expected.statistics);
    }
    EXPECT_EQ(score(placed, batch).nats, score(*plain, batch).nats);
  }
}

}  // namespace
}  // namespace enas::child
