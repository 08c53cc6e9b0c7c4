// SPDX-License-Identifier: Apache-2.0
#include "search/evaluator/shared.hpp"

#include <gtest/gtest.h>

#include "unit/search/small_settings.hpp"

namespace enas::search {
namespace {

TEST(SharedEvaluator, SaysWhatItScoresOn) {
  SharedEvaluator evaluator(small_image_settings(space::SpaceKind::macro), {});
  EXPECT_EQ(evaluator.validation_text(), "validation, shared weights, 2 batches of 8 images");
  EXPECT_EQ(evaluator.whole_validation_text(), "validation, shared weights, all 30 images");
  EXPECT_EQ(evaluator.weight_steps(0), 6);
  EXPECT_EQ(evaluator.shared(), &evaluator);
}

}  // namespace
}  // namespace enas::search
