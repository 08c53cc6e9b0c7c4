// SPDX-License-Identifier: Apache-2.0
// A trained network as a Python file for people who use PyTorch: the text of a `model.py` that
// reads the weights and averages of Network from `weights.safetensors` and the words of a text from
// `vocabulary.txt`, both beside it. It needs PyTorch, and h5py to score images.
#pragma once

#include <string>
#include <vector>

#include "child/macro.hpp"
#include "child/micro.hpp"
#include "child/recurrent.hpp"
#include "nn/data_shape.hpp"

namespace enas::child {

/// Statistics of a training split by which its pixels, scaled to [0, 1], are normalised.
struct PixelStatistics {
  std::vector<double> mean;                ///< per channel
  std::vector<double> standard_deviation;  ///< likewise; 0 where a channel is constant
};

/// `load(path)` gives a torch.nn.Module that computes what Network::score does: logits of tokens
/// [T, B] and a state, and the state to go on with. `--score FILE` scores a text in `test_columns`
/// columns.
std::string pytorch_model(const space::RecurrentCell& cell, const RecurrentNetworkOptions& options,
                          int vocabulary_size, int test_columns);

/// The same for images [B, C, H, W]: logits [B, classes]. `--score FILE` scores the images of an
/// HDF5 file. The auxiliary head is left out. Throws as macro_plan and micro_plan do.
std::string pytorch_model(const space::MacroNet& net, const MacroNetworkOptions& options,
                          const nn::DataShape& shape, const PixelStatistics& pixels);
std::string pytorch_model(const space::MicroNet& net, const MicroNetworkOptions& options,
                          const nn::DataShape& shape, const PixelStatistics& pixels);

}  // namespace enas::child
