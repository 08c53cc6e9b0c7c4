// SPDX-License-Identifier: Apache-2.0
#include "nn/weight_average.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "core/error.hpp"
#include "random_tensor.hpp"

namespace enas::nn {
namespace {

std::vector<Weight> two_weights() {
  return {{"a", random_tensor({3, 4}, 1, at::kFloat)}, {"b", random_tensor({5}, 2, at::kFloat)}};
}

/// As a training would.
void change(const std::vector<Weight>& weights, std::uint64_t step) {
  for (const Weight& weight : weights) {
    at::Tensor value = weight.value;
    value.copy_(random_tensor(value.sizes(), 10 + step, at::kFloat));
  }
}

TEST(WeightAverage, IsTheMeanOverTheStepsSinceItBegan) {
  const std::vector<Weight> weights = two_weights();
  WeightAverage average(weights);
  EXPECT_TRUE(average.values().empty());
  std::vector<at::Tensor> sums = {at::zeros({3, 4}, at::kDouble), at::zeros({5}, at::kDouble)};
  for (int step = 1; step <= 50; ++step) {
    change(weights, static_cast<std::uint64_t>(step));
    average.add();
    ASSERT_EQ(average.count(), step);
    for (std::size_t i = 0; i < 2; ++i) {
      sums[i] += weights[i].value;
      EXPECT_EQ(average.values()[i].name, weights[i].name);
      EXPECT_TRUE(at::allclose(average.values()[i].value.to(at::kDouble), sums[i] / step, 0, 1e-6));
      if (step == 1) {
        EXPECT_TRUE(at::equal(average.values()[i].value, weights[i].value));
      }
    }
  }
}

TEST(WeightAverage, TheBitsAreThoseOfOneThread) {
  const at::Tensor weight = random_tensor({300'000}, 3, at::kFloat);
  const auto moved = [&](int threads) {
    const int before = at::get_num_threads();
    at::set_num_threads(threads);
    at::Tensor average = random_tensor({300'000}, 4, at::kFloat);
    move_average({average.data_ptr<float>(), 300'000}, {weight.data_ptr<float>(), 300'000}, 7);
    at::set_num_threads(before);
    return average;
  };
  const at::Tensor one = moved(1);
  EXPECT_TRUE(at::equal(one, moved(2)));
  const at::Tensor old = random_tensor({300'000}, 4, at::kFloat).to(at::kDouble);
  EXPECT_TRUE(at::allclose(one.to(at::kDouble), old + (weight - old) / 7.0, 0, 1e-7));
}

TEST(WeightAverage, ChangesPlacesWithTheWeightsAndBack) {
  const std::vector<Weight> weights = two_weights();
  WeightAverage average(weights);
  const at::Tensor first = weights[0].value.clone();
  average.exchange();  // nothing yet to exchange with
  EXPECT_TRUE(at::equal(weights[0].value, first));
  average.add();
  change(weights, 1);
  average.add();
  const at::Tensor last = weights[0].value.clone();
  const at::Tensor mean = average.values()[0].value.clone();
  average.exchange();
  EXPECT_TRUE(at::equal(weights[0].value, mean));
  EXPECT_THROW(average.add(), ContractError);
  average.exchange();
  EXPECT_TRUE(at::equal(weights[0].value, last));
  EXPECT_TRUE(at::equal(average.values()[0].value, mean));
}

TEST(WeightAverage, GoesOnFromWhatWasRestored) {
  const std::vector<Weight> weights = two_weights();
  WeightAverage whole(weights);
  for (std::uint64_t step = 0; step < 3; ++step) {
    change(weights, step);
    whole.add();
  }
  WeightAverage second(weights);
  second.restore(whole.count());
  for (std::size_t i = 0; i < 2; ++i) {
    at::Tensor value = second.values()[i].value;
    value.copy_(whole.values()[i].value);
  }
  change(weights, 4);
  whole.add();
  second.add();
  EXPECT_EQ(second.count(), 4);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(at::equal(second.values()[i].value, whole.values()[i].value));
  }
  second.restore(0);
  EXPECT_TRUE(second.values().empty());
  second.restore(4);
  EXPECT_TRUE(at::equal(second.values()[0].value, whole.values()[0].value));
  second.restore(0);
  second.add();  // begins anew
  EXPECT_TRUE(at::equal(second.values()[0].value, weights[0].value));
  EXPECT_THROW(second.restore(-1), ContractError);
}

TEST(WeightAverage, RefusesOtherSizes) {
  std::vector<float> values(4);
  EXPECT_THROW(move_average(values, std::vector<float>(3), 1), ContractError);
  EXPECT_THROW(move_average(values, std::vector<float>(4), 0), ContractError);
}

}  // namespace
}  // namespace enas::nn
