// SPDX-License-Identifier: Apache-2.0
// Passes over the pixels of one plane. Every pass forms scale · z + shift by the same fused
// multiply-add, so that forward and backward agree on which side of the ReLU a pixel is.
#include "nn/kernel/simd_targets.hpp"
#include "nn/plane/kernels.hpp"

#define HWY_TARGET_INCLUDE "nn/plane/passes.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "nn/kernel/float_vectors-inl.hpp"
#include "nn/plane/view-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace enas::nn::HWY_NAMESPACE {
namespace {

/// out[i …] = value(i) for whole vectors, and the part that is left. The inputs' slack allows value
/// to read behind the end.
template <class Value>
HWY_INLINE void write(float* out, std::size_t count, const Value& value) {
  std::size_t i = 0;
  for (; i + lanes() <= count; i += lanes()) hn::StoreU(value(i), Full(), out + i);
  if (i < count) store_first(value(i), Full(), out + i, count - i);
}

/// out[i …] += value(i); out has no slack.
template <class Value>
HWY_INLINE void accumulate(float* out, std::size_t count, const Value& value) {
  std::size_t i = 0;
  for (; i + lanes() <= count; i += lanes()) {
    hn::StoreU(hn::Add(hn::LoadU(Full(), out + i), value(i)), Full(), out + i);
  }
  if (i < count) {
    store_first(hn::Add(load_first(Full(), out + i, count - i), value(i)), Full(), out + i,
                count - i);
  }
}

// ---- copies

/// Rows of value(pixel) over a plane of border_value: one long run of stores costs less than the
/// short pieces of the border by themselves.
template <class Value>
HWY_INLINE void write_padded(int height, int width, int border, float border_value, int pitch,
                             float* padded, const Value& value) {
  const auto rows = static_cast<std::size_t>(height);
  const auto columns = static_cast<std::size_t>(width);
  const auto step = static_cast<std::size_t>(pitch);
  const auto frame = static_cast<std::size_t>(border);
  const auto outside = hn::Set(Full(), border_value);
  write(padded, (rows + 2 * frame) * step, [=](std::size_t) HWY_ATTR { return outside; });
  float* row = padded + frame * step + frame;
  for (std::size_t y = 0; y < rows; ++y, row += step) {
    write(row, columns, [&](std::size_t x) HWY_ATTR { return value(y * columns + x); });
  }
}

void load_padded(const float* plane, const PixelView& view, int height, int width, int border,
                 float border_value, int pitch, float* padded) {
  const Viewer viewer(view);
  write_padded(height, width, border, border_value, pitch, padded,
               [=](std::size_t i) HWY_ATTR { return viewer.see(plane + i); });
}

/// p · g + q · z + r.
class Combination {
 public:
  HWY_INLINE Combination(const float* g, const float* z, float p, float q, float r)
      : g_(g), z_(z), p_(hn::Set(Full(), p)), q_(hn::Set(Full(), q)), r_(hn::Set(Full(), r)) {}
  HWY_INLINE Vector operator()(std::size_t i) const {
    fetch_ahead(g_ + i);
    fetch_ahead(z_ + i);
    return hn::MulAdd(p_, hn::LoadU(Full(), g_ + i), hn::MulAdd(q_, hn::LoadU(Full(), z_ + i), r_));
  }

 private:
  const float *g_, *z_;
  Vector p_, q_, r_;
};

void load_padded_combination(const float* g, const float* z, float p, float q, float r, int height,
                             int width, int border, int pitch, float* padded) {
  write_padded(height, width, border, 0.0F, pitch, padded, Combination(g, z, p, q, r));
}

void load(const float* plane, const PixelView& view, std::size_t count, float* out) {
  const Viewer viewer(view);
  write(out, count, [=](std::size_t i) HWY_ATTR { return viewer.see(plane + i); });
}

void load_combination(const float* g, const float* z, float p, float q, float r, std::size_t count,
                      float* out) {
  write(out, count, Combination(g, z, p, q, r));
}

void add(const float* plane, const PixelView& view, std::size_t count, float* out) {
  const Viewer viewer(view);
  accumulate(out, count, [=](std::size_t i) HWY_ATTR { return viewer.see(plane + i); });
}

void multiply(const float* a, const float* b, std::size_t count, float* out) {
  write(out, count, [=](std::size_t i) HWY_ATTR {
    return hn::Mul(hn::LoadU(Full(), a + i), hn::LoadU(Full(), b + i));
  });
}

// ---- strides of two

void load_every_second(const float* plane, const PixelView& view, int height, int width, int first,
                       float* out) {
  const Viewer viewer(view);
  const int out_width = (width + 1) / 2;
  const int inside = (width - first + 1) / 2;
  HWY_ALIGN float pixels[hn::MaxLanes(Full())];
  for (int y = first; y < height + first; y += 2, out += out_width) {
    const float* const row = plane + static_cast<std::ptrdiff_t>(y) * width + first;
    for (int x = 0; x < out_width; x += static_cast<int>(lanes())) {
      const auto left = static_cast<std::size_t>(out_width - x);
      Vector seen = hn::Zero(Full());
      if (y < height && x < inside) {
        Vector skipped;
        Vector taken;
        hn::LoadInterleaved2(Full(), row + 2 * x, taken, skipped);
        hn::Store(taken, Full(), pixels);
        seen = hn::IfThenElseZero(hn::FirstN(Full(), static_cast<std::size_t>(inside - x)),
                                  viewer.see(pixels));
      }
      if (left >= lanes()) {
        hn::StoreU(seen, Full(), out + x);
      } else {
        store_first(seen, Full(), out + x, left);
      }
    }
  }
}

/// One row of pixels from (0 or 1) on in steps of two, zeros between them.
template <class D>
HWY_INLINE void spread_row(D d, const float* pixels, bool odd, int width, float* row) {
  const int step = 2 * static_cast<int>(hn::Lanes(d));
  const auto zero = hn::Zero(d);
  int x = 0;
  for (; x + step <= width; x += step) {
    const auto spread = hn::LoadU(d, pixels + x / 2);
    hn::StoreInterleaved2(odd ? zero : spread, odd ? spread : zero, d, row + x);
  }
  for (; x < width; ++x) row[x] = (x % 2 == 1) == odd ? pixels[x / 2] : 0.0F;
}

void spread_even_and_odd(const float* even, const float* odd, int height, int width, float* plane) {
  const int half_width = (width + 1) / 2;
  for (int y = 0; y < height; ++y) {
    const float* const pixels = (y % 2 == 0 ? even : odd) + (y / 2) * half_width;
    float* const row = plane + static_cast<std::ptrdiff_t>(y) * width;
    if (width >= 2 * static_cast<int>(lanes())) {
      spread_row(Full(), pixels, y % 2 == 1, width, row);
    } else {
      spread_row(hn::CappedTag<float, 4>(), pixels, y % 2 == 1, width, row);
    }
  }
}

// ---- gradients

template <class Gradient>
HWY_INLINE void deposit(const Gradient& gradient, std::size_t count, bool add_to, float* g) {
  const auto fetched = [&](std::size_t i) HWY_ATTR {
    fetch_ahead(g + i);
    return gradient(i);
  };
  if (add_to) {
    accumulate(g, count, fetched);
  } else {
    write(g, count, fetched);
  }
}

/// `arriving` (i) where the view lets it pass; where it sees NaN, it does.
template <class Gradient>
HWY_INLINE void deposit_seen(const Gradient& arriving, const float* z, const PixelView& view,
                             std::size_t count, bool add_to, float* g) {
  if (!view.relu) return deposit(arriving, count, add_to, g);
  const Viewer viewer(view);
  deposit(
      [=](std::size_t i) HWY_ATTR {
        const auto stopped = hn::Le(viewer.before_relu(z + i), hn::Zero(Full()));
        return hn::IfThenZeroElse(stopped, arriving(i));
      },
      count, add_to, g);
}

void deposit_plane(const float* d, const float* z, const PixelView& view, std::size_t count,
                   bool add_to, float* g) {
  deposit_seen([=](std::size_t i) HWY_ATTR { return hn::LoadU(Full(), d + i); }, z, view, count,
               add_to, g);
}

void deposit_value(float d, const float* z, const PixelView& view, std::size_t count, bool add_to,
                   float* g) {
  const auto value = hn::Set(Full(), d);
  deposit_seen([=](std::size_t) HWY_ATTR { return value; }, z, view, count, add_to, g);
}

}  // namespace
}  // namespace enas::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace enas::nn {

HWY_EXPORT(load_padded);
HWY_EXPORT(load_padded_combination);
HWY_EXPORT(load);
HWY_EXPORT(load_combination);
HWY_EXPORT(add);
HWY_EXPORT(multiply);
HWY_EXPORT(load_every_second);
HWY_EXPORT(spread_even_and_odd);
HWY_EXPORT(deposit_plane);
HWY_EXPORT(deposit_value);

void load_padded(const float* plane, const PixelView& view, int height, int width, int border,
                 float border_value, int pitch, float* padded) {
  HWY_DYNAMIC_DISPATCH(load_padded)
  (plane, view, height, width, border, border_value, pitch, padded);
}

void load_padded_combination(const float* g, const float* z, float p, float q, float r, int height,
                             int width, int border, int pitch, float* padded) {
  HWY_DYNAMIC_DISPATCH(load_padded_combination)
  (g, z, p, q, r, height, width, border, pitch, padded);
}

void load(const float* plane, const PixelView& view, std::size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(load)(plane, view, count, out);
}

void load_combination(const float* g, const float* z, float p, float q, float r, std::size_t count,
                      float* out) {
  HWY_DYNAMIC_DISPATCH(load_combination)(g, z, p, q, r, count, out);
}

void add(const float* plane, const PixelView& view, std::size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(add)(plane, view, count, out);
}

void multiply(const float* a, const float* b, std::size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(multiply)(a, b, count, out);
}

void load_every_second(const float* plane, const PixelView& view, int height, int width, int first,
                       float* out) {
  HWY_DYNAMIC_DISPATCH(load_every_second)(plane, view, height, width, first, out);
}

void spread_even_and_odd(const float* even, const float* odd, int height, int width, float* plane) {
  HWY_DYNAMIC_DISPATCH(spread_even_and_odd)(even, odd, height, width, plane);
}

void deposit_gradient(const float* d, const float* z, const PixelView& view, std::size_t count,
                      bool accumulate, float* g) {
  HWY_DYNAMIC_DISPATCH(deposit_plane)(d, z, view, count, accumulate, g);
}

void deposit_gradient(float d, const float* z, const PixelView& view, std::size_t count,
                      bool accumulate, float* g) {
  HWY_DYNAMIC_DISPATCH(deposit_value)(d, z, view, count, accumulate, g);
}

}  // namespace enas::nn
#endif
