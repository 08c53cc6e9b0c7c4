// SPDX-License-Identifier: Apache-2.0
// What the convolutional supernets share: children as lists of steps, kept while they are in use.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "space/search_space.hpp"
#include "supernet/image_child.hpp"
#include "supernet/image_weights.hpp"
#include "supernet/options.hpp"
#include "supernet/supernet.hpp"

namespace enas::nn {
class PlaneMemory;
}

namespace enas::supernet {

/// Computes only what an architecture uses. Batch statistics everywhere, when scoring too.
class ImageSupernet : public Supernet {
 public:
  ~ImageSupernet() override;
  const std::string& space_id() const override { return decisions_.id(); }
  const std::vector<Weight>& weights() const override { return weights_; }
  std::vector<int> touched(const space::Architecture& architecture) const override;
  double forward_flops(const space::Architecture& architecture,
                       at::IntArrayRef input_sizes) const override;
  /// Nothing is carried from batch to batch.
  at::Tensor initial_state(std::int64_t batch_size) const override;
  Pass gradient(const space::Architecture& architecture, const Batch& batch, at::Tensor& state,
                const StepAddress& address) const override;
  Score score(const space::Architecture& architecture, const Batch& batch,
              at::Tensor& state) const override;

 protected:
  struct Training {
    double drop_features = 0.0;
    Kernels kernels = Kernels::fused;
  };
  /// Weights are drawn from the seed by name.
  ImageSupernet(space::SearchSpace decisions, const DataShape& data, const Training& training,
                const ImageWeights& weights, std::uint64_t seed);
  const space::SearchSpace& decisions() const { return decisions_; }
  virtual ImageChild build(const space::Architecture& architecture,
                           const WeightNumbers& numbers) const = 0;

 private:
  const ImageChild& child(const space::Architecture& architecture) const;

  space::SearchSpace decisions_;
  DataShape data_;
  Training training_;
  std::vector<Weight> weights_;
  WeightNumbers numbers_;
  mutable std::map<std::vector<std::int32_t>, ImageChild> children_;  // by tokens
  std::unique_ptr<nn::PlaneMemory> memory_;
};

}  // namespace enas::supernet
