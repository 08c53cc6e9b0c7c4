// SPDX-License-Identifier: Apache-2.0
#include "supernet/supernet.hpp"

#include <functional>
#include <numeric>

namespace enas::supernet {

std::int64_t WeightShape::count() const {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

}  // namespace enas::supernet
