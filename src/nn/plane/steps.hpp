// SPDX-License-Identifier: Apache-2.0
// Forward and backward of the operations on planes, a block of images at a time: whatever is read
// again soon is still in the cache.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>
#include <vector>

#include "nn/image_program.hpp"
#include "nn/plane/memory.hpp"
#include "nn/plane/plan.hpp"

namespace enas::nn {

/// A stored image. Readers see it through `seen`.
struct PlaneValue {
  PlaneShape shape;
  PlaneBuffer pixels;
  std::shared_ptr<PlaneBuffer> gradient;  ///< of the image as seen, before any ReLU
  bool has_norm = false;                  ///< then the producer leaves moments, readers leave sums
  std::vector<PixelView> seen;            ///< [C], without ReLU
  std::vector<float> mean;                ///< [C], of a normed image
  std::vector<Moments> moments;           ///< [B, C]
  std::vector<GradientSums> sums;         ///< [B, C]: of the gradient, about the mean
  /// [C]: the gradient of a stored pixel z is scale·g + slope·z + shift.
  struct RawGradient {
    float scale, slope, shift;
  };
  std::vector<RawGradient> raw_gradient;  ///< empty without a norm: it is g

  float* plane(int image, int channel) const {
    return pixels.data() + shape.plane_offset(image, channel);
  }
  float* gradient_plane(int image, int channel) const {
    return gradient->data() + shape.plane_offset(image, channel);
  }
  std::size_t number(int image, int channel) const {
    return static_cast<std::size_t>(image) * static_cast<std::size_t>(shape.channels) +
           static_cast<std::size_t>(channel);
  }
};

/// A value as one operation reads it.
struct PlaneSource {
  PlaneOperand operand;
  PlaneValue* value = nullptr;
  bool shares_gradient = false;  ///< the value's gradient is the operation's own: deposits store
                                 ///< nothing
  bool wants_gradient() const { return operand.value > 0; }

  PixelView view(int channel) const;
  /// Adds the gradient of a plane as this reader saw it.
  void deposit(int image, int channel, const float* gradient) const;
  void deposit(int image, int channel, float gradient) const;

 private:
  std::size_t count() const { return static_cast<std::size_t>(value->shape.pixels()); }
  void complete(int image, int channel) const;
};

/// One operation of a plan on one batch. Blocks are independent of each other.
class PlaneStep {
 public:
  PlaneStep(std::vector<PlaneSource> sources, PlaneValue& result)
      : sources_(std::move(sources)), result_(result) {}
  virtual ~PlaneStep() = default;

  /// Computes a block of the result, with moments where it has a norm.
  void forward(int block, PlaneScratch& scratch) const;
  /// Deposits gradients with the sources and adds those of the weights to weight_sums.
  virtual void backward(int block, PlaneScratch& scratch, float* weight_sums) const = 0;

  virtual std::size_t num_weight_sums() const { return 0; }
  /// In the order and shapes of the step's weights.
  virtual std::vector<at::Tensor> weight_gradients(std::span<const float> /*sums*/) const {
    return {};
  }
  PlaneValue& result() const { return result_; }
  std::vector<PlaneSource>& sources() { return sources_; }

 protected:
  /// Writes a block of the result, [C][channel stride].
  virtual void compute(int block, PlaneScratch& scratch, float* out) const = 0;
  /// All channels of a block as a source sees them, [C][channel stride].
  static void load_block(const PlaneSource& source, int block, float* out);
  /// Gradients of the stored pixels of a block of the result, likewise.
  void load_gradient(int block, float* out) const;
  /// A plane of them, in scratch or where it already is.
  const float* gradient_plane(int image, int channel, PlaneScratch& scratch) const;
  /// Deposits a block of gradients [C][channel stride] with a source.
  static void deposit_block(const PlaneSource& source, int block, const float* gradient);

  std::vector<PlaneSource> sources_;
  PlaneValue& result_;
};

/// `weights` are the step's. The result's shape must be set.
std::unique_ptr<PlaneStep> make_plane_step(const ImageStep& step, std::vector<PlaneSource> sources,
                                           const std::vector<at::Tensor>& weights,
                                           PlaneValue& result);
/// Shape of the result.
PlaneShape plane_shape_of(const ImageStep& step, const std::vector<PlaneSource>& sources,
                          const std::vector<at::Tensor>& weights);

}  // namespace enas::nn
