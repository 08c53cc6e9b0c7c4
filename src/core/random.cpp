// SPDX-License-Identifier: Apache-2.0
// Makes numbers of Philox 4x64-10 blocks. Another order or another rounding in any function here
// changes the results of every run.
#include "core/random.hpp"

#include <Random123/philox.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "core/error.hpp"

namespace enas {
namespace {

using Block = std::array<std::uint64_t, 4>;

Block philox(const Block& counter, const std::array<std::uint64_t, 2>& key) {
  const r123::Philox4x64::ctr_type counter_in = {{counter[0], counter[1], counter[2], counter[3]}};
  const r123::Philox4x64::key_type key_in = {{key[0], key[1]}};
  const r123::Philox4x64::ctr_type out = r123::Philox4x64()(counter_in, key_in);
  return {out[0], out[1], out[2], out[3]};
}

/// Gives each value the next 32 random bits, low half of a word first. Starts with a fresh block
/// and leaves the rest of the last one unused, so a fill never depends on where in a block it
/// began.
template <typename Convert>
void fill(std::span<float> values, const std::array<std::uint64_t, 2>& key, Block& counter,
          Convert convert) {
  constexpr std::size_t kPerBlock = 8;
  const auto draw = [&] {
    const Block block = philox(counter, key);
    ++counter[0];
    std::array<float, kPerBlock> drawn;
    for (std::size_t i = 0; i < kPerBlock; ++i) {
      drawn[i] = convert(static_cast<std::uint32_t>(block[i / 2] >> (32 * (i % 2))));
    }
    return drawn;
  };
  for (; values.size() >= kPerBlock; values = values.subspan(kPerBlock)) {
    std::ranges::copy(draw(), values.begin());
  }
  if (values.empty()) return;
  const std::array<float, kPerBlock> last = draw();
  std::copy_n(last.begin(), values.size(), values.begin());
}

}  // namespace

std::vector<Address> consecutive_steps(const Address& first, std::int64_t count) {
  std::vector<Address> addresses(static_cast<std::size_t>(count), first);
  for (std::size_t i = 0; i < addresses.size(); ++i) addresses[i].step += i;
  return addresses;
}

std::vector<Address> consecutive_indices(const Address& first, std::int64_t count) {
  std::vector<Address> addresses(static_cast<std::size_t>(count), first);
  for (std::size_t i = 0; i < addresses.size(); ++i) addresses[i].index += i;
  return addresses;
}

std::uint64_t name_address(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char letter : name) {
    hash ^= static_cast<unsigned char>(letter);
    hash *= 0x100000001b3U;
  }
  return hash;
}

RandomStream::RandomStream(std::uint64_t seed, const Address& address)
    : key_{seed, static_cast<std::uint64_t>(address.purpose)},
      counter_{0, address.step, address.index, address.tensor} {}

std::uint64_t RandomStream::next_bits() {
  if (used_ == 4) {
    block_ = philox(counter_, key_);
    ++counter_[0];
    used_ = 0;
  }
  return block_[static_cast<std::size_t>(used_++)];
}

double RandomStream::next_uniform() { return static_cast<double>(next_bits() >> 11) * 0x1p-53; }

double RandomStream::next_normal() {
  // Box and Muller (1958); the second value is dropped, so a draw always takes two words.
  const double radius = std::sqrt(-2.0 * std::log(1.0 - next_uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * next_uniform());
}

std::uint64_t RandomStream::next_below(std::uint64_t bound) {
  expect(bound > 0, "next_below needs a positive bound");
  // Draws again for the lowest 2^64 mod bound words; of the others each remainder is equally
  // likely.
  const std::uint64_t refused = (0 - bound) % bound;
  std::uint64_t bits = next_bits();
  while (bits < refused) bits = next_bits();
  return bits % bound;
}

std::size_t RandomStream::next_weighted(std::span<const double> weights) {
  double sum = 0;
  std::size_t last_positive = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    expect(weights[i] >= 0, "next_weighted needs weights of at least 0");
    if (weights[i] > 0) last_positive = i;
    sum += weights[i];
  }
  expect(sum > 0 && std::isfinite(sum), "next_weighted needs a positive finite sum of weights");
  double left = next_uniform() * sum;
  for (std::size_t i = 0; i < last_positive; ++i) {
    left -= weights[i];
    if (left < 0) return i;
  }
  return last_positive;
}

void RandomStream::fill_uniform(std::span<float> values, float low, float high) {
  expect(low < high, "fill_uniform needs low < high");
  const double width = static_cast<double>(high) - static_cast<double>(low);
  const float largest = std::nextafter(high, low);
  used_ = 4;
  fill(values, key_, counter_, [=](std::uint32_t bits) {
    // In double: the products are exact then, so fused and separate multiply-adds agree.
    const double value = low + width * (static_cast<double>(bits >> 8) * 0x1p-24);
    return std::min(static_cast<float>(value), largest);
  });
}

void RandomStream::fill_normal(std::span<float> values, float standard_deviation) {
  for (float& value : values) value = standard_deviation * static_cast<float>(next_normal());
}

void RandomStream::fill_keep_mask(std::span<float> values, double keep) {
  expect(keep > 0 && keep <= 1, "fill_keep_mask needs 0 < keep <= 1");
  const auto threshold = static_cast<std::uint64_t>(std::llround(keep * 0x1p32));
  const auto kept = std::bit_cast<std::uint32_t>(static_cast<float>(1.0 / keep));
  used_ = 4;
  fill(values, key_, counter_, [=](std::uint32_t bits) {
    // Without a branch, which the processor could not predict.
    return std::bit_cast<float>(kept & (0U - static_cast<std::uint32_t>(bits < threshold)));
  });
}

}  // namespace enas
