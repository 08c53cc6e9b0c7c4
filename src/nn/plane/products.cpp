// SPDX-License-Identifier: Apache-2.0
// Products over planes with the sums in registers: a tile of outputs times pixels, or of gradients
// times inputs, is finished before the next one starts.
#include "nn/kernel/simd_targets.hpp"
#include "nn/plane/kernels.hpp"

#define HWY_TARGET_INCLUDE "nn/plane/products.cpp"
#include <hwy/foreach_target.h>
// Must follow foreach_target.h.
#include <hwy/highway.h>

#include <algorithm>
#include <utility>

#include "nn/plane/pixel_vectors-inl.hpp"
#include "nn/plane/products_arguments.hpp"

HWY_BEFORE_NAMESPACE();
namespace enas::nn::HWY_NAMESPACE {
namespace {

// Nothing here may call inline functions of the standard library: the linker could keep this
// instruction set's copy of them for the whole program.
constexpr bool kManyRegisters = HWY_MAX_BYTES == 64 || HWY_TARGET == HWY_NEON;

// Tiles that, with the operands of one step, fill the registers.
constexpr int kMaxOutputs = kManyRegisters ? 12 : 6;
struct Tile {
  int gradients, terms;
};
constexpr Tile kManyTiles[] = {{6, 4}, {5, 5}, {4, 6}};
constexpr Tile kFewTiles[] = {{3, 4}, {2, 5}};
constexpr int kMaxSums = kManyRegisters ? 25 : 12;
constexpr int kMaxGradients = kManyRegisters ? 6 : 3;
constexpr int kMaxTerms = kManyRegisters ? 6 : 5;
constexpr int kPair = 2;

HWY_INLINE int tiles_of(int size, int tile) { return (size + tile - 1) / tile; }

// Outputs [0, kOutputs) of one group at kVectors vectors of pixels.
template <int kOutputs, int kVectors, class Rows>
void multiply_tile(const PlaneProduct& product, const float* HWY_RESTRICT coefficients,
                   Index group_size, const PixelVector* pixels, float* out) {
  Vector sum[kVectors][kOutputs];
  const float* first[kVectors];
  const float* second[kVectors];
  HWY_UNROLL(kPair)
  for (int v = 0; v < kVectors; ++v) {
    HWY_UNROLL(12)
    for (int o = 0; o < kOutputs; ++o) sum[v][o] = hn::Zero(Full());
    first[v] = product.in + pixels[v].in;
    second[v] = product.in + pixels[v].in2;
  }
  const int* HWY_RESTRICT term = product.term;
  for (int t = 0; t < product.num_terms; ++t) {
    Vector value[kVectors];
    const Index offset = term[t];
    HWY_UNROLL(kPair)
    for (int v = 0; v < kVectors; ++v) {
      value[v] = Rows::load(first[v] + offset, second[v] + offset);
    }
    HWY_UNROLL(12)
    for (int o = 0; o < kOutputs; ++o) {
      const Vector coefficient = hn::Set(Full(), coefficients[o]);
      HWY_UNROLL(kPair)
      for (int v = 0; v < kVectors; ++v) {
        sum[v][o] = hn::MulAdd(coefficient, value[v], sum[v][o]);
      }
    }
    coefficients += group_size;
  }
  HWY_UNROLL(kPair)
  for (int v = 0; v < kVectors; ++v) {
    Rows::template store<kOutputs>(sum[v], pixels[v], out, product.out_stride);
  }
}

using MultiplyTile = void (*)(const PlaneProduct&, const float*, Index, const PixelVector*, float*);

template <int kVectors, class Rows, int... kTiles>
MultiplyTile multiply_tile_of(int outputs, std::integer_sequence<int, kTiles...>) {
  constexpr MultiplyTile tiles[] = {multiply_tile<kTiles + 1, kVectors, Rows>...};
  return tiles[outputs - 1];
}

template <int kVectors, class Rows>
void multiply_groups(const PlaneProduct& product, const PixelVector* pixels) {
  const float* coefficients = product.coefficients;
  for (int first = 0; first < product.num_out; first += product.group_size) {
    const int left = product.num_out - first;
    const int group = left < product.group_size ? left : product.group_size;
    const int num_tiles = tiles_of(group, kMaxOutputs);
    for (int tile = 0; tile < num_tiles; ++tile) {
      const int begin = group * tile / num_tiles;
      const int end = group * (tile + 1) / num_tiles;
      const auto multiply = multiply_tile_of<kVectors, Rows>(
          end - begin, std::make_integer_sequence<int, kMaxOutputs>());
      multiply(product, coefficients + begin, group, pixels,
               product.out + (first + begin) * product.out_stride);
    }
    coefficients += Index{group} * product.num_terms;
  }
}

template <class Rows>
void multiply_all(const PlaneProduct& product, const PixelVectors& pixels) {
  int i = 0;
  for (; i + kPair <= pixels.count; i += kPair) {
    multiply_groups<kPair, Rows>(product, pixels.data + i);
  }
  if (i < pixels.count) multiply_groups<1, Rows>(product, pixels.data + i);
}

void multiply(const PlaneProduct& product, const PixelVectors& pixels) {
#if HWY_MAX_BYTES == 64
  if (pixels.halves) return multiply_all<TwoRows>(product, pixels);
#endif
  multiply_all<OneRow>(product, pixels);
}

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

int num_lanes() { return kLanes; }

}  // namespace
}  // namespace enas::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace enas::nn {
namespace {

HWY_EXPORT(multiply);
HWY_EXPORT(accumulate);
HWY_EXPORT(num_lanes);

constexpr int kGroupSize = 12;

// Rows that fill at most half a vector share it with another row.
constexpr int kLanesWithHalves = 16;

PixelVectors vectors_of(const PixelRows& rows) {
  thread_local std::vector<PixelVector> vectors;
  const int num_lanes = HWY_DYNAMIC_DISPATCH(num_lanes)();
  const bool halves = num_lanes == kLanesWithHalves && rows.width <= num_lanes / 2;
  const int part = halves ? num_lanes / 2 : num_lanes;
  const int full_width = rows.width / part * part;
  const std::size_t num_rows = rows.in.size();
  const auto vectors_of_row = static_cast<std::size_t>((rows.width + part - 1) / part);
  vectors.resize(std::max(vectors.size(), num_rows * vectors_of_row));
  PixelVector* next = vectors.data();
  const auto append = [&](int begin, int end) {
    for (std::size_t r = 0; r < num_rows; r += halves ? 2 : 1) {
      const std::size_t second = std::min(r + 1, num_rows - 1);
      for (int x = begin; x < end; x += part) {
        const int lanes = std::min(part, end - x);
        *next++ = {rows.in[r] + x,      rows.out[r] + x,      lanes,
                   rows.in[second] + x, rows.out[second] + x, second > r ? lanes : 0};
      }
    }
  };
  append(0, full_width);
  auto num_full = static_cast<int>(next - vectors.data());
  if (halves && num_full > 0 && next[-1].lanes2 == 0) --num_full;
  append(full_width, rows.width);
  return {vectors.data(), num_full, static_cast<int>(next - vectors.data()), halves};
}

}  // namespace

PackedCoefficients::PackedCoefficients(const float* values, int num_out, int num_terms,
                                       std::ptrdiff_t out_stride, std::ptrdiff_t term_stride)
    : num_out_(num_out), num_terms_(num_terms) {
  const int num_groups = std::max(1, (num_out + kGroupSize - 1) / kGroupSize);
  group_size_ = std::max(1, (num_out + num_groups - 1) / num_groups);
  data_.reserve(static_cast<std::size_t>(num_out) * static_cast<std::size_t>(num_terms));
  for (int first = 0; first < num_out; first += group_size_) {
    const int end = std::min(first + group_size_, num_out);
    for (int t = 0; t < num_terms; ++t) {
      for (int o = first; o < end; ++o) data_.push_back(values[o * out_stride + t * term_stride]);
    }
  }
}

void multiply_planes(const PackedCoefficients& coefficients, std::span<const int> term,
                     const float* in, const PixelRows& rows, float* out,
                     std::ptrdiff_t out_stride) {
  const PlaneProduct product{coefficients.data(),
                             coefficients.num_out(),
                             coefficients.num_terms(),
                             coefficients.group_size(),
                             term.data(),
                             in,
                             out,
                             out_stride};
  HWY_DYNAMIC_DISPATCH(multiply)(product, vectors_of(rows));
}

void accumulate_products(const float* gradient, std::ptrdiff_t gradient_stride, int num_out,
                         const float* in, std::span<const int> term, const PixelRows& rows,
                         float* sum) {
  const PlaneAccumulation accumulation{
      gradient, gradient_stride, num_out, static_cast<int>(term.size()), in, term.data(), sum};
  HWY_DYNAMIC_DISPATCH(accumulate)(accumulation, vectors_of(rows));
}

}  // namespace enas::nn
#endif
