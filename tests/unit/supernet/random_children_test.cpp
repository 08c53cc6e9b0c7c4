// SPDX-License-Identifier: Apache-2.0
// Any child of a convolutional supernet can be trained for a step.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

#include "core/text.hpp"
#include "small_images.hpp"

namespace enas::supernet {
namespace {

constexpr std::uint64_t kDraws = 200;
constexpr std::array<Kernels, 2> kBothKernels = {Kernels::fused, Kernels::eager};

void expect_trained(const Supernet& net, const space::Architecture& child, const Batch& batch) {
  SCOPED_TRACE(child.text());
  const Pass found = gradient_of(net, child, batch);
  const std::vector<int> touched = net.touched(child);
  ASSERT_EQ(found.gradients.size(), touched.size());
  for (std::size_t i = 0; i < touched.size(); ++i) {
    const Weight& weight = net.weights()[static_cast<std::size_t>(touched[i])];
    const at::Tensor& gradient = found.gradients[i];
    ASSERT_TRUE(gradient.defined() && gradient.sizes() == weight.value.sizes()) << weight.name;
    EXPECT_TRUE(gradient.isfinite().all().item<bool>()) << weight.name;
  }
}

TEST(RandomChildren, OfMacroSupernetsAreTrained) {
  const space::MacroSpaceOptions space{.layers = 6};
  std::vector<std::unique_ptr<Supernet>> nets;
  for (const Kernels kernels : kBothKernels) {
    for (const SkipMerge merge : {SkipMerge::sum, SkipMerge::concatenate}) {
      const MacroOptions options{.filters = 2, .skip_merge = merge, .kernels = kernels};
      nets.push_back(std::make_unique<MacroSupernet>(space, options, kSmallData, 1));
    }
  }
  const Batch batch = image_batch({.count = 2, .height = 5, .width = 4});
  for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
    expect_trained(*nets[draw % nets.size()], random_macro(space, draw), batch);
  }
}

TEST(RandomChildren, OfMicroSupernetsAreTrained) {
  const space::MicroSpaceOptions space{.nodes = 4};
  std::vector<std::unique_ptr<Supernet>> nets;
  for (const Kernels kernels : kBothKernels) {
    for (const ReductionInputs inputs : {ReductionInputs::both, ReductionInputs::released}) {
      const MicroOptions options{
          .cells = 2, .filters = 2, .reduction_inputs = inputs, .kernels = kernels};
      nets.push_back(std::make_unique<MicroSupernet>(space, options, kSmallData, 1));
    }
  }
  const Batch batch = image_batch({.count = 2, .height = 5, .width = 4});
  for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
    expect_trained(*nets[draw % nets.size()], random_micro(space, draw), batch);
  }
}

}  // namespace
}  // namespace enas::supernet
