// SPDX-License-Identifier: Apache-2.0
// The network of a macro architecture, trained from scratch: all layers, wider after every pool
// layer, skips concatenated (Pham et al. 2018, 2.3).
#pragma once

#include <cstdint>

#include "child/image_network.hpp"
#include "child/image_plan.hpp"
#include "child/options.hpp"
#include "nn/precision.hpp"
#include "space/macro.hpp"

namespace enas::child {

/// All that the network has and does, without allocating a weight. Norms are [2, F]: scale, offset.
/// "stem/conv" [F, C, 3, 3], "stem/norm"; for layer l with operation o "layer/<l>/<o>/in" [F, F, 1,
/// 1], "…/in_norm", then dense "…/conv" [F, F, k, k] and "…/norm", separable "…/depthwise" [F, 1,
/// k, k], "…/pointwise" [F, F, 1, 1] and "…/norm", pools nothing; for l > 0 "layer/<l>/merge" [F,
/// (1
/// + skips) F, 1, 1], its input the skips in ascending order, then the layer's own, and
/// "layer/<l>/norm"; for each of the pool layers p = L/3 - 1 and 2·(L/3) - 1 (none when L < 3) and
/// each entry e there that is read later "reduction/<p>/<e>/even", "…/odd" [F/2, F_before, 1, 1]
/// and "…/norm"; "head" [classes, F]. Throws ConfigError on values out of range and, when released,
/// on pools.
ImagePlan macro_plan(const space::MacroNet& net, const MacroNetworkOptions& options,
                     const nn::DataShape& shape);

/// Operations are ReLU, 1×1, norm, then ReLU, k×k, norm, or a pool.
class MacroNetwork final : public ImageNetwork {
 public:
  /// Weights depend on the seed and their names alone. Throws as macro_plan does.
  MacroNetwork(const space::MacroNet& net, const MacroNetworkOptions& options,
               const nn::DataShape& shape, std::uint64_t seed)
      : ImageNetwork(macro_plan(net, options, shape), {.dropout = options.dropout}, seed) {}
};

}  // namespace enas::child
