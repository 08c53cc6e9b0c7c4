// SPDX-License-Identifier: Apache-2.0
// One member of a search space: its tokens. A value type.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace enas::space {

struct Architecture {
  std::string space_id;
  std::vector<std::int32_t> tokens;

  auto operator<=>(const Architecture&) const = default;
  /// Tokens separated by single spaces, as the authors' scripts print them.
  std::string text() const;
};

}  // namespace enas::space

template <>
struct std::hash<enas::space::Architecture> {
  std::size_t operator()(const enas::space::Architecture& architecture) const noexcept;
};
