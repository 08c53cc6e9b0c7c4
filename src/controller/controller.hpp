// SPDX-License-Identifier: Apache-2.0
// The policy π(m; θ): an LSTM that walks the decisions of any search space (Pham et al. 2018, 2.3).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "controller/options.hpp"
#include "core/random.hpp"
#include "space/architecture.hpp"
#include "space/search_space.hpp"

namespace enas::controller {

/// One tensor of θ.
struct Parameter {
  std::string name;
  at::Tensor
      value;  ///< float32, contiguous, on the CPU; θ itself is a leaf that requires gradients
};

/// Log-probabilities and entropies of a batch of architectures. All [A], A architectures.
struct Evaluation {
  at::Tensor log_probability;  ///< natural logarithm, sum over decisions
  at::Tensor entropy;  ///< nats: entropy of each softmax and bit of the walk, summed over decisions
  /// KL of every bit's probability to skip_target, summed over the bits of a subset decision and
  /// averaged over the subset decisions; 0 in a space without them (Pham et al. 2018, 2.3).
  at::Tensor skip_penalty;
  at::Tensor decision_entropy;  ///< [D], for each token its mean over architectures; detached
};

/// Stays on the CPU in float32. Sampling and scoring are deterministic functions of θ, address and
/// tokens at a fixed number of threads.
class Controller {
 public:
  /// θ is drawn by tensor name from the seed.
  Controller(const space::SearchSpace& space, const ControllerOptions& options, std::uint64_t seed);
  ~Controller();
  Controller(const Controller&) = delete;  ///< a copy would share θ
  Controller& operator=(const Controller&) = delete;

  /// Samples one architecture for each address, all in one pass. The t-th uniform number at an
  /// architecture's address decides its token t, in a batch of any size. Logits may differ in the
  /// last bit between batches of different sizes, so the size of a batch must not depend on the
  /// number of ranks.
  /// Throws SystemError (diverged) when θ is not finite.
  std::vector<space::Architecture> sample(const std::vector<Address>& addresses,
                                          std::uint64_t seed) const;
  /// Re-computes log-probabilities and entropies from tokens, in one pass; differentiable in θ when
  /// gradients are enabled.
  Evaluation evaluate(const std::vector<space::Architecture>& architectures) const;

  /// θ in a fixed order. Values may be overwritten in place (under no_grad).
  const std::vector<Parameter>& parameters() const;
  std::int64_t num_parameters() const;
  const space::SearchSpace& space() const { return space_; }
  const ControllerOptions& options() const { return options_; }

 private:
  /// Whether θ was widened to double precision, as tests do.
  bool in_double() const;

  space::SearchSpace space_;
  ControllerOptions options_;
  std::vector<Parameter> parameters_;
};

}  // namespace enas::controller
