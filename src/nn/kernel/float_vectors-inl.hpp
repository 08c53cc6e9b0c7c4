// SPDX-License-Identifier: Apache-2.0
// Vectors of floats and the last, partial vector of a row, once for each instruction set: included
// by the kernels only, inside Highway's multiple compilation (hence the toggled guard).
#if defined(ENAS_NN_FLOAT_VECTORS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ENAS_NN_FLOAT_VECTORS_INL
#undef ENAS_NN_FLOAT_VECTORS_INL
#else
#define ENAS_NN_FLOAT_VECTORS_INL
#endif

#include <hwy/highway.h>

#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace enas::nn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Full = hn::ScalableTag<float>;
using Vector = hn::Vec<Full>;

HWY_INLINE std::size_t lanes() { return hn::Lanes(Full()); }

HWY_INLINE Vector constant(float value) { return hn::Set(Full(), value); }

/// The first n floats at p, then zeros; reads nothing behind them.
template <class D>
HWY_INLINE hn::Vec<D> load_first(D d, const float* p, std::size_t n) {
  if constexpr (HWY_MEM_OPS_MIGHT_FAULT) {
    HWY_ALIGN float lanes[hn::MaxLanes(d)] = {};
    for (std::size_t i = 0; i < n; ++i) lanes[i] = p[i];
    return hn::Load(d, lanes);
  } else {
    return hn::MaskedLoad(hn::FirstN(d, n), d, p);
  }
}

/// Writes the first n lanes to p and touches nothing behind them.
template <class D>
HWY_INLINE void store_first(hn::Vec<D> v, D d, float* p, std::size_t n) {
  if constexpr (HWY_MEM_OPS_MIGHT_FAULT) {
    HWY_ALIGN float lanes[hn::MaxLanes(d)];
    hn::Store(v, d, lanes);
    for (std::size_t i = 0; i < n; ++i) p[i] = lanes[i];
  } else {
    hn::BlendedStore(v, hn::FirstN(d, n), d, p);
  }
}

/// v, loaded once: GCC would rather read memory again at each use, and loads that cross a cache
/// line are what bounds the filters.
template <class V>
HWY_INLINE V in_register(V v) {
#if HWY_ARCH_X86 && (HWY_COMPILER_GCC || HWY_COMPILER_CLANG)
  asm("" : "+v"(v.raw));
#endif
  return v;
}

}  // namespace enas::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
