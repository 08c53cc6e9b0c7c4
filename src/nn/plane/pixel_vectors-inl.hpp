// SPDX-License-Identifier: Apache-2.0
// Loads and stores of the vectors of pixels in products_arguments.hpp. Included once for each
// instruction set that the products are compiled for.
#if defined(ENAS_NN_PIXEL_VECTORS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ENAS_NN_PIXEL_VECTORS_INL
#undef ENAS_NN_PIXEL_VECTORS_INL
#else
#define ENAS_NN_PIXEL_VECTORS_INL
#endif

#include <cstddef>

#include "nn/kernel/float_vectors-inl.hpp"
#include "nn/plane/products_arguments.hpp"

HWY_BEFORE_NAMESPACE();
namespace enas::nn::HWY_NAMESPACE {
namespace {

using Index = std::ptrdiff_t;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Full()));
constexpr bool kManyRegisters = HWY_MAX_BYTES == 64 || HWY_TARGET == HWY_NEON;

/// How many tiles of a size are needed.
HWY_INLINE int tiles_of(int size, int tile) { return (size + tile - 1) / tile; }

HWY_INLINE std::size_t count(int lanes) { return static_cast<std::size_t>(lanes); }

// Writes nothing behind the lanes.
template <class D>
HWY_INLINE void store_lanes(D d, hn::Vec<D> values, int lanes, float* out) {
#if HWY_MAX_BYTES >= 32
  hn::BlendedStore(values, hn::FirstN(d, count(lanes)), d, out);
#else
  // A blended store of these sets writes back what it read behind the row.
  HWY_ALIGN float buffer[kLanes];
  hn::Store(values, d, buffer);
  for (int lane = 0; lane < lanes; ++lane) out[lane] = buffer[lane];
#endif
}

// All pixels of a vector are in one row.
struct OneRow {
  using Mask = hn::Mask<Full>;
  static HWY_INLINE Mask mask(const PixelVector& pixels) {
    return hn::FirstN(Full(), count(pixels.lanes));
  }
  static HWY_INLINE Vector load(const float* first, const float*) {
    return hn::LoadU(Full(), first);
  }
  // Lanes that are not pixels become 0: what lies there may be NaN.
  static HWY_INLINE Vector load(Mask mask, const float* first, const float*) {
    return hn::MaskedLoad(mask, Full(), first);
  }
  template <int kOutputs>
  static HWY_INLINE void store(const Vector* sum, const PixelVector& pixels, float* out,
                               Index out_stride) {
    out += pixels.out;
    if (pixels.lanes == kLanes) {
      HWY_UNROLL(12)
      for (int o = 0; o < kOutputs; ++o) hn::StoreU(sum[o], Full(), out + o * out_stride);
    } else {
      HWY_UNROLL(12)
      for (int o = 0; o < kOutputs; ++o) {
        store_lanes(Full(), sum[o], pixels.lanes, out + o * out_stride);
      }
    }
  }
};

#if HWY_MAX_BYTES == 64
// Each half of a vector has pixels of its own row.
struct TwoRows {
  using Half = hn::Half<Full>;
  struct Mask {
    hn::Mask<Half> lower, upper;
  };
  static HWY_INLINE Mask mask(const PixelVector& pixels) {
    return {hn::FirstN(Half(), count(pixels.lanes)), hn::FirstN(Half(), count(pixels.lanes2))};
  }
  static HWY_INLINE Vector load(const float* first, const float* second) {
    return hn::Combine(Full(), hn::LoadU(Half(), second), hn::LoadU(Half(), first));
  }
  static HWY_INLINE Vector load(const Mask& mask, const float* first, const float* second) {
    return hn::Combine(Full(), hn::MaskedLoad(mask.upper, Half(), second),
                       hn::MaskedLoad(mask.lower, Half(), first));
  }
  template <int kOutputs>
  static HWY_INLINE void store(const Vector* sum, const PixelVector& pixels, float* out,
                               Index out_stride) {
    HWY_UNROLL(12)
    for (int o = 0; o < kOutputs; ++o) {
      store_lanes(Half(), hn::LowerHalf(Half(), sum[o]), pixels.lanes,
                  out + pixels.out + o * out_stride);
      store_lanes(Half(), hn::UpperHalf(Half(), sum[o]), pixels.lanes2,
                  out + pixels.out2 + o * out_stride);
    }
  }
};
#endif

}  // namespace
}  // namespace enas::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
