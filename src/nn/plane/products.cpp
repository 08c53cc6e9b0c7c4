// SPDX-License-Identifier: Apache-2.0
// Products over planes with the sums in registers: a tile of outputs times pixels is finished
// before the next one starts.
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

// Outputs that, with the operands of one step, fill the registers; vectors of pixels at once.
constexpr int kMaxOutputs = kManyRegisters ? 12 : 6;
constexpr int kPair = 2;

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

}  // namespace
}  // namespace enas::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace enas::nn {
namespace {

HWY_EXPORT(multiply);

constexpr int kGroupSize = 12;

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
  HWY_DYNAMIC_DISPATCH(multiply)(product, pixel_vectors(rows));
}

}  // namespace enas::nn
#endif
