// SPDX-License-Identifier: Apache-2.0
// One child of a convolutional supernet as a list of steps: which weights it touches and how it is
// computed come from the same list, so they cannot disagree.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <map>
#include <utility>
#include <vector>

#include "nn/image_program.hpp"
#include "supernet/options.hpp"
#include "supernet/supernet.hpp"

namespace enas::nn {
class PlaneMemory;
}

namespace enas::supernet {

/// Images are numbered as they are made; 0 is the batch. A step reads images and weights by number
/// and makes the next image; the last one made goes to the classifier. A step without weights that
/// is added again on the same image is the same step.
class ImageChild {
 public:
  int convolution(int image, int weight);
  /// Depthwise, then 1×1.
  int separable(int image, int depthwise, int pointwise);
  int norm(int image, int weight, double epsilon);
  /// Norm, then ReLU.
  int norm_relu(int image, int weight, double epsilon);
  int reduction(int image, const std::array<int, 3>& even_odd_norm, double epsilon);
  int relu(int image);
  int avg_pool(int image);
  int max_pool(int image);
  /// The sum of at least one image.
  int sum(const std::vector<int>& images);
  /// Concatenation, ReLU, and the 1×1 convolution whose weight is the blocks side by side.
  int merge(const std::vector<int>& images, const std::vector<int>& blocks);
  /// Global average, dropout, linear classifier: logits. The last step.
  void classify(int image, int weight);

  /// Numbers of the weights that the steps read, ascending.
  const std::vector<int>& touched() const { return touched_; }

  /// See Supernet. `drop_features` is the classifier's dropout; `memory` is for fused kernels.
  Pass gradient(const std::vector<Weight>& weights, const DataShape& data, const Batch& batch,
                double drop_features, const StepAddress& address, Kernels kernels,
                nn::PlaneMemory& memory) const;
  Score score(const std::vector<Weight>& weights, const DataShape& data, const Batch& batch,
              Kernels kernels, nn::PlaneMemory& memory) const;
  double forward_flops(const std::vector<Weight>& weights, at::IntArrayRef input_sizes) const;

 private:
  using Tensors = std::vector<at::Tensor>;

  int add(nn::ImageStep step);
  int add_once(nn::ImageStep::Kind kind, int image);
  /// The touched weights in their order.
  Tensors values(const std::vector<Weight>& weights) const;

  nn::ImageProgram program_;  // its weights are places in touched_ once there is a classifier
  std::map<std::pair<nn::ImageStep::Kind, int>, int> weightless_;
  std::vector<int> touched_;
  std::size_t head_ = 0;  // place of the classifier's weight
};

}  // namespace enas::supernet
