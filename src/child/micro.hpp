// SPDX-License-Identifier: Apache-2.0
// The network of a micro architecture, trained from scratch: a stack of its two cells with
// scheduled drop path and an auxiliary head (Pham et al. 2018, 2.4; Zoph et al. 2018).
#pragma once

#include <cstdint>

#include "child/image_network.hpp"
#include "child/image_plan.hpp"
#include "child/options.hpp"
#include "nn/precision.hpp"
#include "space/micro.hpp"

namespace enas::child {

/// All that the network has and does, without allocating a weight. Norms are [2, channels]: scale,
/// offset; a factorized reduction has "…/even", "…/odd" [F/2, in, 1, 1] and "…/norm".
/// "stem/conv" [3F, C, 3, 3], "stem/norm"; for each of the L+2 cells c with its F, where needed,
/// the two-back input's reduction "cell/<c>/input/0/shrink" or 1×1 "cell/<c>/input/0/project" [F,
/// in, 1, 1] with "…/project_norm", the previous output's "cell/<c>/input/1/project" and
/// "…/project_norm"; then "cell/<c>/base" [F, F, 1, 1] and "…/base_norm" on the latter; for node
/// i's side s under "cell/<c>/<normal|reduction>/<i>/<x|y>/<operation>": separable
/// "…/<1|2>/depthwise" [F, 1, k, k], "…/pointwise" [F, F, 1, 1], "…/norm"; an identity that reads
/// an input in a reduction cell is a factorized reduction; "cell/<c>/loose/<input>" reduces an
/// input that a reduction cell's nodes do not read. "head" [classes, loose ends · 4F].
/// "auxiliary/project" [128, in, 1, 1], "…/project_norm", "…/full" [768, 128, h, w], "…/full_norm"
/// and "…/head" [classes, 768]. Throws ConfigError on values out of range.
ImagePlan micro_plan(const space::MicroNet& net, const MicroNetworkOptions& options,
                     const nn::DataShape& shape);

/// Reduction cells are number L/3 and 2·(L/3)+1 of the L+2; the auxiliary head reads the cell after
/// the second one and is trained with the rest. A cell's output has (loose ends) · F channels.
/// Odd sizes are halved upwards; the auxiliary head averages maps under 5 pixels as a whole.
class MicroNetwork final : public ImageNetwork {
 public:
  /// Weights depend on the seed and their names alone. Throws as micro_plan does.
  MicroNetwork(const space::MicroNet& net, const MicroNetworkOptions& options,
               const nn::DataShape& shape, std::uint64_t seed)
      : ImageNetwork(micro_plan(net, options, shape),
                     {.dropout = options.dropout, .auxiliary_weight = options.auxiliary_weight},
                     seed) {}
};

}  // namespace enas::child
