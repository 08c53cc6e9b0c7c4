// SPDX-License-Identifier: Apache-2.0
// Shared weights of the micro space: a stack of one normal and one reduction cell (Pham et al.
// 2018, 2.4).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/precision.hpp"
#include "space/micro.hpp"
#include "supernet/image_supernet.hpp"
#include "supernet/options.hpp"

namespace enas::supernet {

/// All weights in their order, without allocating any. Norms are [2, channels]: scale, offset.
/// "stem/conv" [3F, C, 3, 3], "stem/norm"; for each of the L+2 cells c with its F the steps before
/// its inputs that are needed, as "cell/<c>/input/<0|1>/<step>": "shrink" and "reduce" (factorized:
/// "…/even" and "…/odd" [F/2, in, 1, 1], "…/norm"; shrink brings a larger two-back input to the
/// other's size, reduce belongs to reduction cells), "project" [F, in, 1, 1] with "project_norm";
/// "cell/<c>/node/<i>/<x|y>/<sep op>/<input>/<1|2>/depthwise" [F, 1, k, k], "…/pointwise" [F, F, 1,
/// 1] and "…/norm" for nodes i = 2 .. B-1, both sides, both times and every earlier node;
/// "cell/<c>/out/<node>" [F, F, 1, 1] for nodes 0 .. B-1, the blocks of the closing 1×1, and
/// "cell/<c>/out/norm"; "head" [classes, 4F].
/// Weight decay is for all but the norms.
std::vector<WeightShape> micro_weight_shapes(const space::MicroSpaceOptions& space,
                                             const MicroOptions& options, const DataShape& data);

/// Computes only the chosen operations. Batch statistics everywhere, when scoring too. Reduction
/// cells are number L/3 and 2·(L/3)+1 of the L+2.
class MicroSupernet final : public ImageSupernet {
 public:
  /// Convolutions start He-normal with their true fan-in (a block of the closing 1×1 counts all B
  /// blocks), norms with scale 1 and offset 0, by tensor name (Purpose::supernet_weights). Throws
  /// ConfigError on values out of range.
  MicroSupernet(const space::MicroSpaceOptions& space, const MicroOptions& options,
                const DataShape& data, std::uint64_t seed);

 private:
  ImageChild build(const space::Architecture& architecture,
                   const WeightNumbers& numbers) const override;

  space::MicroSpaceOptions space_;
  MicroOptions options_;
};

}  // namespace enas::supernet
