// SPDX-License-Identifier: Apache-2.0
// One child of a convolutional supernet as a list of steps: which weights it touches and how it is
// computed come from the same list, so they cannot disagree.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <functional>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "supernet/image_classes.hpp"
#include "supernet/supernet.hpp"

namespace enas::supernet {

/// Images are numbered as they are made; 0 is the batch. A step reads images and weights by number
/// and makes the next image; the last one made goes to the classifier. A step without weights that
/// is added again on the same image is the same step.
class ImageChild {
 public:
  int convolution(int image, int weight);
  int depthwise(int image, int weight);
  int norm(int image, int weight, double epsilon);
  /// Norm, then ReLU, in one buffer.
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
  std::vector<int> touched() const;

  /// See Supernet. `drop_features` is the classifier's dropout.
  SlotGradient gradient(const std::vector<Weight>& weights, const ImageClasses& classes,
                        const Batch& batch, double drop_features, const StepAddress& address) const;
  Score score(const std::vector<Weight>& weights, const ImageClasses& classes,
              const Batch& batch) const;

 private:
  using Tensors = std::vector<at::Tensor>;
  struct Step {
    std::vector<int> images;
    std::vector<int> weights;
    std::function<at::Tensor(const Tensors& images, const Tensors& weights)> compute;
  };

  int add(Step step);
  int add_once(std::string_view name, int image, at::Tensor (*compute)(const at::Tensor&));
  /// Logits [B, classes]; `weights` by number, `mask` of the pooled features or undefined.
  at::Tensor logits(const at::Tensor& input, const Tensors& weights, const at::Tensor& mask) const;

  std::vector<Step> steps_;
  std::map<std::pair<std::string_view, int>, int> weightless_;
  int classified_ = -1;
  int head_ = -1;
};

}  // namespace enas::supernet
