// SPDX-License-Identifier: Apache-2.0
// Printing and hashing of architectures.
#include "space/architecture.hpp"

#include "core/text.hpp"

namespace enas::space {

std::string Architecture::text() const { return join(tokens, " "); }

}  // namespace enas::space

std::size_t std::hash<enas::space::Architecture>::operator()(
    const enas::space::Architecture& architecture) const noexcept {
  // FNV-1a over the tokens, started from the id's own hash.
  std::uint64_t digest = std::hash<std::string>{}(architecture.space_id) ^ 14695981039346656037ULL;
  for (const std::int32_t token : architecture.tokens) {
    digest = (digest ^ static_cast<std::uint32_t>(token)) * 1099511628211ULL;
  }
  return static_cast<std::size_t>(digest);
}
