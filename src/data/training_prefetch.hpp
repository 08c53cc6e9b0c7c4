// SPDX-License-Identifier: Apache-2.0
// Training batches prepared ahead on a thread of their own.
#pragma once

#include <memory>

#include "data/image_batches.hpp"

namespace enas::data {

/// Hands out the batches of the slots [first_slot, end_slot) in the order slot by slot, step by
/// step, and prepares the next ones meanwhile. When another batch is asked for (after a reload), it
/// is made at once and the order goes on from there. Batches are those of ImageBatches.
class TrainingPrefetch {
 public:
  /// `batches` must outlive this.
  TrainingPrefetch(const ImageBatches& batches, int first_slot, int end_slot);
  ~TrainingPrefetch();
  TrainingPrefetch(const TrainingPrefetch&) = delete;
  TrainingPrefetch& operator=(const TrainingPrefetch&) = delete;

  /// What the preparing thread threw is thrown here.
  ImageBatch get(const TrainingPlace& place);

 private:
  struct Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace enas::data
