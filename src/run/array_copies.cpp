// SPDX-License-Identifier: Apache-2.0
#include "run/array_copies.hpp"

namespace enas::run {

ArrayCopies::ArrayCopies(std::span<const NamedArray> like) {
  values_.reserve(like.size());
  for (const auto& array : like) {
    std::visit(
        [&](auto view) {
          using T = typename decltype(view)::value_type;
          values_.emplace_back(std::vector<T>(view.size()));
          auto& values = std::get<std::vector<T>>(values_.back());
          arrays_.push_back({array.name, array.shape, std::span<T>(values)});
        },
        array.values);
  }
}

}  // namespace enas::run
