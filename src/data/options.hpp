// SPDX-License-Identifier: Apache-2.0
// Options of data: where they come from, how they are split, cut and changed.
#pragma once

#include <cstdint>

namespace enas::data {

struct MarkovOptions {
  int vocabulary = 50;  ///< number of words, 2 or more; vocabulary^order is at most 1,000,000
  int order = 2;        ///< words that the next one depends on, 1 to 3; 2 or more need memory
  int branching = 4;    ///< successors of a context with non-zero probability, 2 to vocabulary
  int train_tokens = 100000;
  int valid_tokens = 10000;
  int test_tokens = 10000;
  std::uint64_t seed = 1;  ///< of the source; the run's seed does not change the corpus
};

struct ShapesOptions {
  int size = 16;  ///< height and width
  /// Classes are pairs of a shape (disc, square, triangle, ring, cross) and a texture (plain,
  /// stripes): 2 to 10 of them.
  int classes = 10;
  int train_images = 2000;
  int valid_images = 500;
  int test_images = 500;
  double noise = 0.1;  ///< standard deviation of pixel noise, of a full scale of 1
  std::uint64_t seed = 1;
};

/// How one pool of training images becomes a training and a validation split.
struct ImageSplitOptions {
  std::int64_t valid_size = 5000;  ///< images taken from the end of the training images
  /// Training images used, counted from the start of what is left; 0 for all.
  std::int64_t limit_train = 0;
  /// Permute the training images (the same way whatever the run's seed) before anything is taken:
  /// for files that are sorted by class.
  bool shuffle_split = false;
};

/// What may be done to a training image, in this order.
struct AugmentOptions {
  int pad = 4;       ///< zeros around the normalised image, then a random crop of its size; 0: none
  bool flip = true;  ///< left to right with probability 1/2
  int cutout = 0;    ///< side of a square set to zero, its centre uniform over the image; 0: none
  const char* cutout_key = "data.cutout";  ///< what messages call it
  bool cutout_corner =
      false;  ///< the square's top-left corner is uniform instead (the authors' code)
};

struct SegmentOptions {
  int segment_length = 35;  ///< T
  /// Draw lengths around segment_length as the authors' enas_lm does: with probability 0.95 mean T,
  /// else T/2; normal with standard deviation 5, redrawn outside two deviations, rounded down, at
  /// least 5.
  bool random_length = false;
  const char* key = "weights.segment_length";  ///< what messages call it
};

}  // namespace enas::data
