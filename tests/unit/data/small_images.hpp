// SPDX-License-Identifier: Apache-2.0
// Image sets of a few pixels, and what refuses them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "data/image_set.hpp"

namespace enas::data {

/// Pixels of all images, one after the other, as a pool with labels i % num_classes.
inline ImageSplit pool_of(const std::vector<std::uint8_t>& pixels, const ImageShape& shape,
                          int num_classes) {
  ImageSplit pool;
  const auto bytes = static_cast<std::size_t>(shape.num_values());
  for (std::size_t i = 0; i * bytes < pixels.size(); ++i) {
    pool.pixels.push_back(pixels.data() + i * bytes);
    pool.labels.push_back(static_cast<std::int32_t>(i) % num_classes);
  }
  return pool;
}

/// `num_train` training and `num_valid` validation images whose pixels all differ where they can:
/// value v of image i is (31 i + 7 v) mod 256.
inline ImageSet counting_images(const ImageShape& shape, int num_train, int num_valid,
                                PixelOrder order = PixelOrder::channels_first) {
  const auto bytes = std::make_shared<std::vector<std::uint8_t>>();
  for (std::int64_t image = 0; image < num_train + num_valid; ++image) {
    for (std::int64_t value = 0; value < shape.num_values(); ++value) {
      bytes->push_back(static_cast<std::uint8_t>(31 * image + 7 * value));
    }
  }
  ImageSet set;
  set.name = "counting";
  set.shape = shape;
  set.order = order;
  set.num_classes = 2;
  set.storage = bytes;
  split_images(pool_of(*bytes, shape, 2), {.valid_size = num_valid}, set);
  return set;
}

/// The message of the error of this kind that `work` must throw with this code.
template <typename Kind, typename Work>
std::string refusal(Work&& work, ExitCode code = ExitCode::bad_data) {
  try {
    work();
  } catch (const Kind& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

inline testing::AssertionResult holds(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "\"" << text << "\" does not hold \"" << part << "\"";
}

}  // namespace enas::data
