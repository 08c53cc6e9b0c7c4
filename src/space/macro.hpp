// SPDX-License-Identifier: Apache-2.0
// The macro space: whole convolutional networks, layer by layer (Pham et al. 2018, section 2.3).
#pragma once

#include <string>
#include <vector>

#include "space/architecture.hpp"
#include "space/operation.hpp"
#include "space/search_space.hpp"

namespace enas::space {

struct MacroSpaceOptions {
  int layers = 12;  ///< L
  /// In the order of the authors' codes 0..5; any subset without identity.
  std::vector<Operation> operations = {Operation::conv_3x3,     Operation::sep_conv_3x3,
                                       Operation::conv_5x5,     Operation::sep_conv_5x5,
                                       Operation::avg_pool_3x3, Operation::max_pool_3x3};
};

/// The authors' sampler: per layer an operation, then one skip bit per earlier layer. Tokens: layer
/// l's operation, then its l bits; L + L(L-1)/2 tokens in all. Bit j of layer l selects entry j,
/// where entry 0 is the stem and entry j the output of layer j-1 (layer l-1's output is always the
/// input), while the controller's attention for bit j looks at the anchor of layer j: the two are
/// off by one in the authors' code, and kept. Throws ConfigError on no layers, no operation, a
/// repeated one, or identity.
SearchSpace macro_space(const MacroSpaceOptions& options);

/// The paper's count of its space, 6^L · 2^(L(L-1)/2), as text; the same as ours.
std::string macro_paper_size(const MacroSpaceOptions& options);

/// Layers, from 0, after which all that is read later is halved in size: the ends of the first and
/// the second third. None for fewer than 3 layers.
std::vector<int> pool_layers(int layers);

/// A typed view of a macro architecture.
struct MacroNet {
  struct Layer {
    int code = 0;  ///< index into the space's operations
    Operation operation = Operation::conv_3x3;
    std::vector<int> skips;  ///< entries read besides the layer before, ascending: 0 is the stem
    bool operator==(const Layer&) const = default;
  };
  std::vector<Layer> layers;

  bool operator==(const MacroNet&) const = default;
  /// "0:conv_3x3 1:sep_conv_3x3+0 2:max_pool_3x3+0,1": after the plus the entries of its skips.
  std::string text() const;
};

/// Throws InputError when the tokens do not belong to the space.
MacroNet macro_net(const MacroSpaceOptions& options, const Architecture& architecture);
/// The same where macro_space(options) was made before.
MacroNet macro_net(const MacroSpaceOptions& options, const SearchSpace& decisions,
                   const Architecture& architecture);

/// {"space": "macro", "layers": [{"layer": 0, "operation": "conv_3x3", "skips": []}, …]}; a skip is
/// "stem" or the number of a layer.
std::string macro_net_json(const MacroNet& net);

}  // namespace enas::space
