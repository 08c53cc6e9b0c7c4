// SPDX-License-Identifier: Apache-2.0
// How large an architecture is as a network of its own, from formulas alone.
#pragma once

#include <cstdint>
#include <vector>

#include "space/typed_view.hpp"

namespace enas::space {

struct RecurrentWidth {
  int hidden = 748;        ///< H, also the width of the embedding, which the output layer shares
  int vocabulary = 10000;  ///< V
};

/// What an image network reads and tells apart.
struct ImageTask {
  int channels = 3;
  int height = 32;
  int width = 32;
  int classes = 10;
};

struct MacroWidth {
  int filters = 96;       ///< F, doubled at each of the two pool layers
  bool released = false;  ///< separable convolutions built as dense ones, as the authors' code does
  ImageTask task = {};
};

struct MicroWidth {
  int layers = 15;   ///< L normal cells; two reduction cells come on top
  int filters = 36;  ///< F, doubled at each reduction cell
  ImageTask task = {};
};

struct NetworkSize {
  std::int64_t parameters = 0;  ///< trained ones, without an auxiliary head
  double multiply_adds = 0.0;   ///< products and convolutions of one token or image
  std::vector<int> channels;    ///< out of each layer (macro) or cell (micro)
};

/// Embedding V·H, first node 4H², every other node 2H².
NetworkSize network_size(const RecurrentCell& cell, const RecurrentWidth& width);
/// Every layer: 1×1 convolution, norm, then k×k convolution and norm, or a pool; from layer 1 on
/// 1×1 over the concatenated skips and norm. At pool layers every entry that is read later is
/// reduced. Throws InputError on a pool when released, since the authors' code has none.
NetworkSize network_size(const MacroNet& net, const MacroWidth& width);
/// Stem of 3F; inputs brought to F, separable convolutions twice, an extra 1×1 on the previous
/// output, no 1×1 at a cell's end.
NetworkSize network_size(const MicroNet& net, const MicroWidth& width);

}  // namespace enas::space
