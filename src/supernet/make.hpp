// SPDX-License-Identifier: Apache-2.0
// The supernet of a space.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "nn/data_shape.hpp"
#include "space/space_options.hpp"
#include "supernet/options.hpp"
#include "supernet/supernet.hpp"

namespace enas::supernet {

std::unique_ptr<Supernet> make_supernet(const space::SpaceOptions& space, const Options& options,
                                        const nn::DataShape& data, std::uint64_t seed);
/// Its weights without their values.
std::vector<WeightShape> weight_shapes(const space::SpaceOptions& space, const Options& options,
                                       const nn::DataShape& data);

}  // namespace enas::supernet
