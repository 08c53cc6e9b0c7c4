// SPDX-License-Identifier: Apache-2.0
// Pixels as their readers see them, in vectors, once for each instruction set: included by the
// kernels only, inside Highway's multiple compilation (hence the toggled guard).
#if defined(ENAS_NN_PLANE_VIEW_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ENAS_NN_PLANE_VIEW_INL
#undef ENAS_NN_PLANE_VIEW_INL
#else
#define ENAS_NN_PLANE_VIEW_INL
#endif

#include <hwy/cache_control.h>

#include <cstddef>
#include <cstdint>

#include "nn/kernel/float_vectors-inl.hpp"
#include "nn/plane/kernels.hpp"

HWY_BEFORE_NAMESPACE();
namespace enas::nn::HWY_NAMESPACE {
namespace {

/// Planes are read one after the other, and the processor's own prefetch stops at each page of
/// 4 KiB. So many floats ahead.
constexpr std::size_t kAhead = 512;

/// Asks for what will be read or written soon; no harm where nothing is.
HWY_INLINE void fetch_ahead(const float* place) {
  hwy::Prefetch(reinterpret_cast<const float*>(reinterpret_cast<std::uintptr_t>(place) +
                                               kAhead * sizeof(float)));
}

/// A PixelView in vectors.
class Viewer {
 public:
  // Without ReLU nothing is below the floor.
  HWY_INLINE explicit Viewer(const PixelView& view)
      : scale_(hn::Set(Full(), view.scale)),
        shift_(hn::Set(Full(), view.shift)),
        floor_(view.relu ? hn::Zero(Full()) : hn::Neg(hn::Inf(Full()))) {}
  HWY_INLINE Vector before_relu(const float* z) const {
    fetch_ahead(z);
    return hn::MulAdd(scale_, hn::LoadU(Full(), z), shift_);
  }
  /// A comparison with NaN is false: NaN stays.
  HWY_INLINE Vector see(const float* z) const {
    const Vector seen = before_relu(z);
    return hn::IfThenZeroElse(hn::Lt(seen, floor_), seen);
  }

 private:
  Vector scale_, shift_, floor_;
};

}  // namespace
}  // namespace enas::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
