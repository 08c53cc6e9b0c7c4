// SPDX-License-Identifier: Apache-2.0
// A convolutional network as a list of steps with the shapes of all that it needs; built before any
// weight exists, so that sizes can be asked for without memory.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nn/data_shape.hpp"

namespace enas::child {

/// A step reads images and weights by number and makes the next image.
struct PlanStep {
  enum class Kind {
    convolution,  ///< weight [out, in / groups, h, w] without bias, zero padding that gives
                  ///< ceil(size / stride), the larger half of an odd padding at the end
    norm,         ///< batch norm; weight [2, C]: scale, offset
    relu,
    avg_pool,     ///< 3×3; real pixels count only
    max_pool,     ///< 3×3
    reduction,    ///< factorized reduction without its norm; two weights [out/2, in, 1, 1]
    concatenate,  ///< along channels
    sum,          ///< of two images
    drop_path,    ///< drops a sample's whole image at times when training
    shrink,  ///< average over windows of 5×5, stride 3, or over the whole map where it is smaller
    classify,  ///< mean over height and width, dropout (number 0, the main one, only), linear:
               ///< [B, classes]
  };
  Kind kind = Kind::relu;
  std::vector<int> images = {};
  std::vector<int> weights = {};
  int stride = 1;
  int number = 0;     ///< of norms, drop paths and classifiers, each from 0 on
  double keep = 1.0;  ///< of a drop path when the training ends
};

/// What is known about a weight before it exists.
struct PlannedWeight {
  std::string name;
  std::vector<std::int64_t> sizes;
  std::int64_t fan_in = 0;  ///< 0 for a norm
};

/// Channels, height and width.
using ImageSize = std::array<std::int64_t, 3>;

/// Images are numbered as they are made: 0 is the batch, the result of step i is image i + 1.
class ImagePlan {
 public:
  /// Throws ConfigError on a shape that is none.
  ImagePlan(const nn::DataShape& shape, double norm_epsilon);

  /// Each returns its image's number.
  int convolution(int image, const std::string& name, std::int64_t out, int k, int stride = 1);
  int depthwise(int image, const std::string& name, int k, int stride = 1);
  int norm(int image, const std::string& name);
  /// Of one image only once, as the pools.
  int relu(int image);
  int avg_pool(int image, int stride = 1);
  int max_pool(int image, int stride = 1);
  /// With its norm: "<name>/even", "<name>/odd", "<name>/norm".
  int reduction(int image, const std::string& name, std::int64_t out);
  int concatenate(const std::vector<int>& images);
  int sum(int first, int second);
  int drop_path(int image, double keep);
  /// The main classifier, "head". Steps after it are for training only.
  void classify(int image);
  /// A second classifier on an earlier image (Szegedy et al. 2015, in the form of the authors of
  /// ENAS): everything called "auxiliary/…".
  void classify_auxiliary(int image);

  const nn::DataShape& shape() const { return shape_; }
  double norm_epsilon() const { return norm_epsilon_; }
  const ImageSize& size(int image) const { return sizes_[static_cast<std::size_t>(image)]; }
  const std::vector<PlanStep>& steps() const { return steps_; }
  /// How many of the steps, from the first on, make the main logits.
  std::size_t num_main_steps() const { return num_main_steps_; }
  bool has_auxiliary() const { return steps_.size() > num_main_steps_; }
  const std::vector<PlannedWeight>& weights() const { return weights_; }
  /// Names of the norms in their order.
  const std::vector<std::string>& norms() const { return norms_; }
  std::int64_t num_parameters() const;
  /// Of one image by the main steps.
  double multiply_adds() const { return multiply_adds_; }

 private:
  int add(PlanStep step, const ImageSize& size);
  int add_once(PlanStep step, const ImageSize& size);
  int add_convolution(int image, PlannedWeight weight, int stride);
  int add_weight(PlannedWeight weight);
  int add_classifier(int image, const std::string& name, int number);

  nn::DataShape shape_;
  double norm_epsilon_;
  std::vector<ImageSize> sizes_;
  std::vector<PlanStep> steps_;
  std::size_t num_main_steps_ = 0;
  std::vector<PlannedWeight> weights_;
  std::vector<std::string> norms_;
  int num_drop_paths_ = 0;
  double multiply_adds_ = 0.0;
  std::map<std::array<int, 3>, int> once_;  // by kind, image and stride
};

}  // namespace enas::child
