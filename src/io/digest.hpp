// SPDX-License-Identifier: Apache-2.0
// XXH3-128 digests of values, files and state.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace enas::io {

/// The XXH3-128 digest of some bytes.
struct Digest {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const Digest&) const = default;
  /// 32 lower-case hexadecimal digits.
  std::string hex() const;
};

/// Digests a stream piece by piece; the split into pieces does not matter.
class Digester {
 public:
  Digester();
  ~Digester();
  /// Goes on from the same bytes.
  Digester(const Digester& other);
  Digester(Digester&&) noexcept;
  Digester& operator=(Digester&&) noexcept;

  Digester& add(std::span<const std::byte> bytes);
  Digester& add(std::string_view text);
  template <typename T>
  Digester& add_values(std::span<const T> values) {
    return add(std::as_bytes(values));
  }
  Digester& add_value(std::uint64_t value);
  Digest finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest digest_bytes(std::span<const std::byte> bytes);
Digest digest_text(std::string_view text);

}  // namespace enas::io
