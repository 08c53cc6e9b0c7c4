// SPDX-License-Identifier: Apache-2.0
// Rows of a plane in vectors of a width that suits it, once for each instruction set: included by
// the filters only, inside Highway's multiple compilation (hence the toggled guard).
#if defined(ENAS_NN_FILTER_ROWS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ENAS_NN_FILTER_ROWS_INL
#undef ENAS_NN_FILTER_ROWS_INL
#else
#define ENAS_NN_FILTER_ROWS_INL
#endif

#include <cstddef>

#include "nn/kernel/float_vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace enas::nn::HWY_NAMESPACE {
namespace {

using Wide = hn::ScalableTag<float>;
using Narrow = hn::CappedTag<float, 8>;

/// Calls the kernel with the vector that suits the width: a plane 8 wide wastes half an AVX-512.
template <class Kernel>
HWY_INLINE void with_vector_for(int width, const Kernel& kernel) {
  if (width <= static_cast<int>(hn::Lanes(Narrow()))) {
    kernel(Narrow());
  } else {
    kernel(Wide());
  }
}

/// The first n lanes of v, or all of it where n is larger.
template <class D>
HWY_INLINE void store_row(hn::Vec<D> v, D d, float* out, int n) {
  if (n >= static_cast<int>(hn::Lanes(d))) {
    hn::StoreU(v, d, out);
  } else {
    store_first(v, d, out, static_cast<std::size_t>(n));
  }
}

/// The first n floats at `in` and zeros, or a whole vector where n is larger.
template <class D>
HWY_INLINE hn::Vec<D> load_row(D d, const float* in, int n) {
  if (n >= static_cast<int>(hn::Lanes(d))) return hn::LoadU(d, in);
  return load_first(d, in, static_cast<std::size_t>(n));
}

}  // namespace
}  // namespace enas::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
