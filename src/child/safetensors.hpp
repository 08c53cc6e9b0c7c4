// SPDX-License-Identifier: Apache-2.0
// Tensors in the safetensors format, which any framework reads without running code.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "nn/training.hpp"

namespace enas::child {

/// The bytes of a file with these float32 tensors, in their order, under their names: the length of
/// a JSON header (8 bytes, little-endian), the header, the values. `metadata` are texts by name. Throws
/// ContractError on tensors of another type and on a name that occurs twice.
std::string safetensors(const std::vector<nn::Weight>& tensors,
                        const std::map<std::string, std::string>& metadata);

}  // namespace enas::child
