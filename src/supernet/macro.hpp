// SPDX-License-Identifier: Apache-2.0
// Shared weights of the macro space: a whole convolutional network (Pham et al. 2018, 2.3).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/precision.hpp"
#include "space/macro.hpp"
#include "supernet/image_supernet.hpp"
#include "supernet/options.hpp"

namespace enas::supernet {

/// All weights in their order, without allocating any. Norms are [2, F]: scale, offset.
/// "stem/conv" [F, C, 3, 3], "stem/norm"; for every layer l and operation o of the space
/// "layer/<l>/<o>/in" [F, F, 1, 1] and "layer/<l>/<o>/in_norm", then by operation: dense
/// "…/conv" [F, F, k, k] and "…/norm", separable "…/depthwise" [F, 1, k, k], "…/pointwise" [F, F,
/// 1, 1] and "…/norm", pools nothing; for l > 0 "layer/<l>/norm", when concatenating also
/// "layer/<l>/merge/own" and "layer/<l>/merge/<entry>" [F, F, 1, 1]; for each of the pool layers
/// p = L/3 - 1 and 2·(L/3) - 1 (none when L < 3) and each entry e = 0 .. p+1 there
/// "reduction/<p>/<e>/even", "…/odd" [F/2, F, 1, 1] and "…/norm"; "head" [classes, F].
/// Weight decay is for all but the norms.
std::vector<WeightShape> macro_weight_shapes(const space::MacroSpaceOptions& space,
                                             const MacroOptions& options, const DataShape& data);

/// Computes only what the architecture uses: of the operations the chosen one, of the reductions
/// those whose result is read. Batch statistics everywhere, when scoring too.
class MacroSupernet final : public ImageSupernet {
 public:
  /// Convolutions start He-normal with their true fan-in (a block of a concatenating 1×1 counts all
  /// blocks of its layer), norms with scale 1 and offset 0, by tensor name
  /// (Purpose::supernet_weights). Throws ConfigError on values out of range, odd F where
  /// there are pool layers.
  MacroSupernet(const space::MacroSpaceOptions& space, const MacroOptions& options,
                const DataShape& data, std::uint64_t seed);

 private:
  ImageChild build(const space::Architecture& architecture,
                   const WeightNumbers& numbers) const override;

  space::MacroSpaceOptions space_;
  MacroOptions options_;
};

}  // namespace enas::supernet
