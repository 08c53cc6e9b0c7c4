// SPDX-License-Identifier: Apache-2.0
// Sums over all pixels of the products of two sets of planes, a tile of sums in registers at a
// time: a tile of gradients times terms is finished before the next one starts.
#include "nn/kernel/simd_targets.hpp"
#include "nn/plane/kernels.hpp"

#define HWY_TARGET_INCLUDE "nn/plane/product_sums.cpp"
#include <hwy/foreach_target.h>
// Must follow foreach_target.h.
#include <hwy/highway.h>

#include <cstddef>
#include <utility>

#include "nn/plane/pixel_vectors-inl.hpp"
#include "nn/plane/products_arguments.hpp"

HWY_BEFORE_NAMESPACE();
namespace enas::nn::HWY_NAMESPACE {
namespace {

// Nothing here may call inline functions of the standard library: the linker could keep this
// instruction set's copy of them for the whole program.

// Tiles that, with the operands of one step, fill the registers.
struct Tile {
  int gradients, terms;
};
constexpr Tile kManyTiles[] = {{6, 4}, {5, 5}, {4, 6}};
constexpr Tile kFewTiles[] = {{3, 4}, {2, 5}};
constexpr int kMaxSums = kManyRegisters ? 25 : 12;
constexpr int kMaxGradients = kManyRegisters ? 6 : 3;
constexpr int kMaxTerms = kManyRegisters ? 6 : 5;

#if HWY_TARGET == HWY_SCALAR
template <int kCount>
HWY_INLINE void sums_of_lanes(const Vector* values, float* sums) {
  for (int i = 0; i < kCount; ++i) sums[i] = hn::GetLane(values[i]);
}
#else
// Each level adds even and odd lanes of two vectors into one, until one vector holds the sums of
// kLanes vectors. kCount is rounded up to a multiple of kLanes in `sums`.
template <int kCount, int kLevel = kLanes>
HWY_INLINE void sums_of_lanes(const Vector* values, float* sums) {
  if constexpr (kLevel == 1) {
    HWY_UNROLL(25)
    for (int i = 0; i < kCount; ++i) hn::StoreU(values[i], Full(), sums + i * kLanes);
  } else {
    constexpr int kPairs = (kCount + 1) / 2;
    Vector pairs[kPairs];
    HWY_UNROLL(25)
    for (int i = 0; i < kPairs; ++i) {
      const Vector lower = values[2 * i];
      const Vector upper = 2 * i + 1 < kCount ? values[2 * i + 1] : lower;
      pairs[i] = hn::Add(hn::ConcatEven(Full(), upper, lower), hn::ConcatOdd(Full(), upper, lower));
    }
    sums_of_lanes<kPairs, kLevel / 2>(pairs, sums);
  }
}
#endif

// `sums` is readable for a vector.
template <int kCount>
HWY_INLINE void add_to(const float* sums, float* out) {
#if HWY_MAX_BYTES >= 32
  const hn::CappedTag<float, 8> row;
  const auto mask = hn::FirstN(row, kCount);
  const auto total = hn::Add(hn::MaskedLoad(mask, row, out), hn::LoadU(row, sums));
  hn::BlendedStore(total, mask, row, out);
#else
  for (int i = 0; i < kCount; ++i) out[i] += sums[i];
#endif
}

// First pixels of the planes of a tile.
template <int kGradients, int kTerms>
struct Planes {
  const float* gradient[kGradients];
  const float* in[kTerms];
};

// Adds the products of one vector of pixels, which `load` loads.
template <int kGradients, int kTerms, class Load>
HWY_INLINE void add_products(const Planes<kGradients, kTerms>& planes, const PixelVector& pixels,
                             const Load& load, Vector* sum) {
  const Index out = pixels.out;
  const Index out2 = pixels.out2;
  const Index in = pixels.in;
  const Index in2 = pixels.in2;
  Vector slope[kGradients];
  HWY_UNROLL(6)
  for (int o = 0; o < kGradients; ++o) {
    slope[o] = load(planes.gradient[o] + out, planes.gradient[o] + out2);
  }
  HWY_UNROLL(6)
  for (int t = 0; t < kTerms; ++t) {
    const Vector value = load(planes.in[t] + in, planes.in[t] + in2);
    HWY_UNROLL(6)
    for (int o = 0; o < kGradients; ++o) {
      sum[o * kTerms + t] = hn::MulAdd(slope[o], value, sum[o * kTerms + t]);
    }
  }
}

template <int kGradients, int kTerms, class Rows>
void accumulate_tile(const PlaneAccumulation& job, int first_out, int first_term,
                     const PixelVectors& pixels) {
  constexpr int kSums = kGradients * kTerms;
  Vector sum[kSums];
  HWY_UNROLL(25)
  for (int i = 0; i < kSums; ++i) sum[i] = hn::Zero(Full());
  Planes<kGradients, kTerms> planes;
  HWY_UNROLL(6)
  for (int o = 0; o < kGradients; ++o) {
    planes.gradient[o] = job.gradient + (first_out + o) * job.gradient_stride;
  }
  HWY_UNROLL(6)
  for (int t = 0; t < kTerms; ++t) planes.in[t] = job.in + job.term[first_term + t];
  const auto load = [](const float* first, const float* second)
                        HWY_ATTR { return Rows::load(first, second); };
  for (int i = 0; i < pixels.num_full; ++i) {
    add_products<kGradients, kTerms>(planes, pixels.data[i], load, sum);
  }
  for (int i = pixels.num_full; i < pixels.count; ++i) {
    const auto mask = Rows::mask(pixels.data[i]);
    const auto load_pixels = [&mask](const float* first, const float* second)
                                 HWY_ATTR { return Rows::load(mask, first, second); };
    add_products<kGradients, kTerms>(planes, pixels.data[i], load_pixels, sum);
  }
  HWY_ALIGN float sums[(kSums + kLanes - 1) / kLanes * kLanes + kLanes];
  sums_of_lanes<kSums>(sum, sums);
  for (int o = 0; o < kGradients; ++o) {
    float* out = job.sum + Index{first_out + o} * job.num_terms + first_term;
    add_to<kTerms>(sums + o * kTerms, out);
  }
}

using AccumulateTile = void (*)(const PlaneAccumulation&, int, int, const PixelVectors&);

template <int kGradients, int kTerms, class Rows>
constexpr AccumulateTile accumulate_tile_or_null() {
  if constexpr (kGradients * kTerms <= kMaxSums) {
    return accumulate_tile<kGradients, kTerms, Rows>;
  } else {
    return nullptr;
  }
}

// kTiles counts the sizes (gradients, terms) of tiles, row by row.
template <class Rows, int... kTiles>
AccumulateTile accumulate_tile_of(int gradients, int terms, std::integer_sequence<int, kTiles...>) {
  constexpr AccumulateTile tiles[] = {
      accumulate_tile_or_null<kTiles / kMaxTerms + 1, kTiles % kMaxTerms + 1, Rows>()...};
  return tiles[(gradients - 1) * kMaxTerms + terms - 1];
}

// The tile of which the fewest are needed.
template <std::size_t kCount>
Tile best_tile(const PlaneAccumulation& job, const Tile (&tiles)[kCount]) {
  Tile best = tiles[0];
  for (const Tile& tile : tiles) {
    if (tiles_of(job.num_out, tile.gradients) * tiles_of(job.num_terms, tile.terms) <
        tiles_of(job.num_out, best.gradients) * tiles_of(job.num_terms, best.terms)) {
      best = tile;
    }
  }
  return best;
}

template <class Rows>
void accumulate_all(const PlaneAccumulation& job, const PixelVectors& pixels) {
  const Tile tile = kManyRegisters ? best_tile(job, kManyTiles) : best_tile(job, kFewTiles);
  const int out_tiles = tiles_of(job.num_out, tile.gradients);
  const int term_tiles = tiles_of(job.num_terms, tile.terms);
  for (int i = 0; i < out_tiles; ++i) {
    const int out = job.num_out * i / out_tiles;
    const int gradients = job.num_out * (i + 1) / out_tiles - out;
    for (int j = 0; j < term_tiles; ++j) {
      const int term = job.num_terms * j / term_tiles;
      const int terms = job.num_terms * (j + 1) / term_tiles - term;
      const auto accumulate = accumulate_tile_of<Rows>(
          gradients, terms, std::make_integer_sequence<int, kMaxGradients * kMaxTerms>());
      accumulate(job, out, term, pixels);
    }
  }
}

void accumulate(const PlaneAccumulation& job, const PixelVectors& pixels) {
#if HWY_MAX_BYTES == 64
  if (pixels.halves) return accumulate_all<TwoRows>(job, pixels);
#endif
  accumulate_all<OneRow>(job, pixels);
}

}  // namespace
}  // namespace enas::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace enas::nn {
namespace {
HWY_EXPORT(accumulate);
}  // namespace

void accumulate_products(const float* gradient, std::ptrdiff_t gradient_stride, int num_out,
                         const float* in, std::span<const int> term, const PixelRows& rows,
                         float* sum) {
  const PlaneAccumulation accumulation{
      gradient, gradient_stride, num_out, static_cast<int>(term.size()), in, term.data(), sum};
  HWY_DYNAMIC_DISPATCH(accumulate)(accumulation, pixel_vectors(rows));
}

}  // namespace enas::nn
#endif
