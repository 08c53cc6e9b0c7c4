// SPDX-License-Identifier: Apache-2.0
// An ImageProgram rewritten for planes: norms and ReLUs are not steps of their own but the way in
// which a stored image is seen.
#pragma once

#include <vector>

#include "nn/image_program.hpp"

namespace enas::nn {

/// A stored image as one reader sees it: normalised if it has a norm, then ReLU if asked for.
struct PlaneOperand {
  int value = 0;
  bool relu = false;
  // Gradients are deposited by readers from the last to the first.
  bool accumulates = false;  ///< a later reader has deposited before
  bool completes = false;    ///< no earlier reader will
};

struct PlaneOperation {
  const ImageStep* step = nullptr;
  std::vector<PlaneOperand> operands;
};

struct PlanePlan {
  /// `program` must outlive the plan.
  explicit PlanePlan(const ImageProgram& program);

  /// Operation i makes value i + 1; value 0 is the batch.
  std::vector<PlaneOperation> operations;
  /// For each value its norm or nullptr.
  std::vector<const ImageStep*> norms;
  PlaneOperand output;
  /// For each value the last operation that reads it; operations.size() for the output.
  std::vector<std::size_t> last_reader;

 private:
  PlaneOperand add(const ImageStep& step, std::vector<PlaneOperand> operands);
  void order_deposits();
};

}  // namespace enas::nn
