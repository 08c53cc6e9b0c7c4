// SPDX-License-Identifier: Apache-2.0
#include "child/safetensors.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstring>

#include "core/error.hpp"
#include "core/json.hpp"

namespace enas::child {
namespace {

TEST(Safetensors, HoldsALengthAHeaderAndTheValues) {
  const std::vector<nn::Weight> tensors = {{"layer/0/a", at::arange(6, at::kFloat).view({2, 3})},
                                           {"b", at::full({1}, -2.5F)}};
  const std::string bytes = safetensors(tensors, {{"architecture", "0:tanh | mean 0"}});
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0U);
  ASSERT_EQ(bytes.size(), 8 + length + 7 * sizeof(float));
  const Json header = Json::parse(bytes.substr(8, length));
  EXPECT_EQ(header, Json::parse(R"({
      "__metadata__": {"architecture": "0:tanh | mean 0"},
      "layer/0/a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
      "b": {"dtype": "F32", "shape": [1], "data_offsets": [24, 28]}})"));
  std::vector<float> values(7);
  std::memcpy(values.data(), bytes.data() + 8 + length, 28);
  EXPECT_EQ(values, (std::vector<float>{0, 1, 2, 3, 4, 5, -2.5F}));
}

TEST(Safetensors, RefusesWhatTheFileCannotHold) {
  const at::Tensor value = at::zeros({2, 3});
  EXPECT_THROW(safetensors({{"a", value}, {"a", value}}, {}), ContractError);
  EXPECT_THROW(safetensors({{"a", value.t()}}, {}), ContractError);
  EXPECT_THROW(safetensors({{"a", value.to(at::kDouble)}}, {}), ContractError);
  EXPECT_FALSE(safetensors({{"a", value}}, {}).find("__metadata__") != std::string::npos);
}

}  // namespace
}  // namespace enas::child
