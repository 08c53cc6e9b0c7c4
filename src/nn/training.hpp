// SPDX-License-Identifier: Apache-2.0
// What networks are made of and fed with, shared weights and children of their own alike.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

namespace enas::nn {

/// One trained tensor of a network; its place in the network's list is its number everywhere.
struct Weight {
  std::string name;    ///< "edge/3/1/relu"; stable, used in checkpoints
  at::Tensor value;    ///< float32, contiguous, on the network's device, never requires_grad
  bool decays = true;  ///< weight decay is for it (not for norms of convolutional networks)
};

/// Name and shape of one weight, without its values.
struct WeightShape {
  std::string name;
  std::vector<std::int64_t> sizes;
  std::int64_t count() const {
    return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
  }
};

/// One batch: plain tensors whose meaning belongs to the space ([T, B] tokens for language models;
/// images [B, C, H, W] and classes [B] for convolutional networks).
struct Batch {
  at::Tensor input;
  at::Tensor target;
};

/// Which random numbers a training pass uses: masks are addressed, never drawn from shared state.
struct StepAddress {
  std::uint64_t seed = 0;
  std::uint64_t slot = 0;
  std::uint64_t step = 0;
};

/// How well a network did on a batch. Sums, so that batches can be added up.
struct Score {
  double nats = 0.0;         ///< cross-entropy
  std::int64_t correct = 0;  ///< targets that had the largest logit; 0 for language models
  std::int64_t count = 0;    ///< tokens or images
  Score& operator+=(const Score& other) {
    nats += other.nats;
    correct += other.correct;
    count += other.count;
    return *this;
  }
  double loss() const { return nats / static_cast<double>(count); }
  double accuracy() const { return static_cast<double>(correct) / static_cast<double>(count); }
};

}  // namespace enas::nn
