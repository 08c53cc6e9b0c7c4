// SPDX-License-Identifier: Apache-2.0
// A trained network as a Python file for people who use PyTorch: the text of a `model.py` that
// needs PyTorch alone and reads the weights and averages of Network from `weights.safetensors`
// beside it.
#pragma once

#include <string>

#include "child/image_shape.hpp"
#include "child/macro.hpp"
#include "child/micro.hpp"
#include "child/recurrent.hpp"

namespace enas::child {

/// `load(path)` gives a torch.nn.Module that computes what Network::score does: logits of tokens
/// [T, B] and a state, and the state to go on with.
std::string pytorch_model(const space::RecurrentCell& cell, const RecurrentNetworkOptions& options,
                          int vocabulary_size);

/// The same for images [B, C, H, W]: logits [B, classes]. The auxiliary head is left out. Throws as
/// macro_plan and micro_plan do.
std::string pytorch_model(const space::MacroNet& net, const MacroNetworkOptions& options,
                          const ImageShape& shape);
std::string pytorch_model(const space::MicroNet& net, const MicroNetworkOptions& options,
                          const ImageShape& shape);

}  // namespace enas::child
