// SPDX-License-Identifier: Apache-2.0
// Visiting a std::variant with one function a case.
#pragma once

namespace enas {

/// std::visit(Match{[](int) {...}, [](double) {...}}, variant).
template <typename... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};

}  // namespace enas
