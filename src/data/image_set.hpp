// SPDX-License-Identifier: Apache-2.0
// Labelled images as bytes in a mapped file or in memory. They become floats batch by batch.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/options.hpp"
#include "io/digest.hpp"

namespace enas::data {

/// How the bytes of an image are ordered.
enum class PixelOrder { channels_first, channels_last };

struct ImageShape {
  int channels = 3;
  int height = 32;
  int width = 32;
  std::int64_t num_values() const { return std::int64_t{channels} * height * width; }
};

/// One split: image i starts at pixels[i].
struct ImageSplit {
  std::vector<const std::uint8_t*> pixels;
  std::vector<std::int32_t> labels;
  std::int64_t size() const { return static_cast<std::int64_t>(pixels.size()); }
};

struct ImageSet {
  std::string name;  ///< what messages call it: the folder or file, or "shapes"
  ImageShape shape;
  PixelOrder order = PixelOrder::channels_first;
  int num_classes = 0;
  ImageSplit train;
  ImageSplit valid;
  ImageSplit test;                      ///< empty where the source has none
  io::Digest digest;                    ///< of shape, splits, labels and pixels
  io::Digest digest_without_test;       ///< what it would be if `test` were empty
  std::shared_ptr<const void> storage;  ///< keeps the bytes alive
};

/// Fills both digests, of everything but name and storage.
void digest_images(ImageSet& set);

/// Warnings about the classes, a sentence each: numbers below the largest label without an
/// image, and classes of the test split without a training image.
std::vector<std::string> class_warnings(const ImageSet& set);

/// Splits `all` into set.train and set.valid and fills the digests; the rest of `set` is there.
/// Throws ConfigError when a split would be empty or a limit is too large, InputError when a label
/// of the validation split never occurs in the training split or the images are sorted by class.
void split_images(const ImageSplit& all, const ImageSplitOptions& options, ImageSet& set);

}  // namespace enas::data
