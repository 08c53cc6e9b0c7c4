// SPDX-License-Identifier: Apache-2.0
// What is learned from, and how it is cut into batches.
#pragma once

#include <cstdint>
#include <string>

#include "data/options.hpp"

namespace enas::task {

/// The first two are text for the recurrent space, the others images for macro and micro.
enum class DataSource { folder, markov, cifar10, cifar100, hdf5, shapes };

/// The section `data` of a configuration.
struct DataOptions {
  DataSource source = DataSource::folder;
  std::string path;               ///< folder or file; none for the embedded sources
  std::string prefix;             ///< source = folder: how the files' names begin; "" finds them
  data::MarkovOptions markov;     ///< source = markov
  data::ShapesOptions shapes;     ///< source = shapes
  data::ImageSplitOptions split;  ///< image files
  data::AugmentOptions augment;   ///< training images
};

/// The batches of a weight step.
struct TrainingBatches {
  const char* section = "weights";     ///< of their keys in a configuration, for messages
  int slots = 2;                       ///< W: batches, and in a search children, of a step
  int batch_size = 32;                 ///< examples a slot
  data::SegmentOptions segments;       ///< text
  bool lr_scales_with_length = false;  ///< rate times the segment's length / segment_length
};

/// The validation batch that a rollout is scored on.
struct RewardBatch {
  int batch_size = 64;      ///< columns of the reward's validation segment, or images
  int segment_length = 35;  ///< its time steps; text
};

/// The part of the validation split that a round's end looks at.
struct ValidationBatches {
  int batch_size = 64;  ///< columns the validation split is cut into, or images of a batch
  /// Segments of segment_length scored from the start with the state carried, or batches of images
  /// from the start; 0 for all.
  int batches = 20;
};

struct Options {
  bool is_of_images = false;
  std::uint64_t seed = 1;
  DataOptions data;
  TrainingBatches training;
  RewardBatch reward = {1, 1};  ///< a training scores no rollouts
  ValidationBatches validation = {1, 0};
};

/// Slots [begin, end), whose batches a process asks for.
struct SlotRange {
  int begin = 0;
  int end = 0;
};

}  // namespace enas::task
