// SPDX-License-Identifier: Apache-2.0
// One member of a search space: its tokens. A value type.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace enas::space {

struct Architecture {
  std::string space_id;
  std::vector<std::int32_t> tokens;

  auto operator<=>(const Architecture&) const = default;
  /// Tokens separated by single spaces, as the authors' scripts print them.
  std::string text() const;
};

/// Tokens from text as people have it: integers separated by any white space, brackets and '|'
/// ignored (printed arrays, wrapped over lines). Throws InputError naming what is no token.
std::vector<std::int32_t> tokens_from_text(std::string_view text);

}  // namespace enas::space

template <>
struct std::hash<enas::space::Architecture> {
  std::size_t operator()(const enas::space::Architecture& architecture) const noexcept;
};
