// SPDX-License-Identifier: Apache-2.0
// XXH3-128 through libxxhash.
#include "io/digest.hpp"

#include <xxhash.h>

#include <array>
#include <new>

#include "core/error.hpp"

namespace enas::io {
namespace {

void append_hex(std::string& text, std::uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[(value >> shift) & 15U];
}

}  // namespace

std::string Digest::hex() const {
  std::string text;
  append_hex(text, high);
  append_hex(text, low);
  return text;
}

struct Digester::State {
  State() : xxh(XXH3_createState()) {
    if (xxh == nullptr) throw std::bad_alloc();
    XXH3_128bits_reset(xxh);
  }
  State(const State& other) : State() { XXH3_copyState(xxh, other.xxh); }
  ~State() { XXH3_freeState(xxh); }
  State& operator=(const State&) = delete;
  XXH3_state_t* xxh;
};

Digester::Digester() : state_(std::make_unique<State>()) {}
Digester::~Digester() = default;
Digester::Digester(const Digester& other) : state_(std::make_unique<State>(*other.state_)) {}
Digester::Digester(Digester&&) noexcept = default;
Digester& Digester::operator=(Digester&&) noexcept = default;

Digester& Digester::add(std::span<const std::byte> bytes) {
  if (bytes.empty()) return *this;
  const XXH_errorcode result = XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size());
  expect(result == XXH_OK, "XXH3 takes any bytes");
  return *this;
}

Digester& Digester::add(std::string_view text) { return add(std::as_bytes(std::span(text))); }

Digester& Digester::add_value(std::uint64_t value) {
  std::array<std::byte, 8> bytes{};  // little endian on every machine
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>((value >> (8 * i)) & 0xffU);
  }
  return add(bytes);
}

Digest Digester::finish() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(state_->xxh);
  return {.high = hash.high64, .low = hash.low64};
}

Digest digest_bytes(std::span<const std::byte> bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {.high = hash.high64, .low = hash.low64};
}

Digest digest_text(std::string_view text) { return digest_bytes(std::as_bytes(std::span(text))); }

}  // namespace enas::io
