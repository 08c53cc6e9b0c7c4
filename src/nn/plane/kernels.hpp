// SPDX-License-Identifier: Apache-2.0
// Loops over planes (the pixels of one channel of one image, row by row), in SIMD for the best
// instruction set of the machine. Each call runs on one thread and on data that fits its cache.
// A padded plane has a border of zeros: `pitch` floats a row, first pixel of the border at its
// start.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace enas::nn {

/// Floats that may be read, never used, behind the last pixel of any input of a kernel.
constexpr std::size_t kPlaneSlack = 64;

/// How a reader sees a stored pixel z: scale · z + shift, then ReLU if asked for. NaN stays NaN.
struct PixelView {
  float scale = 1.0F;
  float shift = 0.0F;
  bool relu = false;
};

/// The rows of pixels that a product runs over: row r has `width` pixels, at in[r] + x of an input
/// plane and at out[r] + x of an output plane.
struct PixelRows {
  int width = 0;
  std::span<const int> in;
  std::span<const int> out;
};

/// Coefficients [num_out, num_terms] in the order in which multiply_planes reads them.
class PackedCoefficients {
 public:
  /// Coefficient (o, t) is values[o · out_stride + t · term_stride].
  PackedCoefficients(const float* values, int num_out, int num_terms, std::ptrdiff_t out_stride,
                     std::ptrdiff_t term_stride);
  int num_out() const { return num_out_; }
  int num_terms() const { return num_terms_; }
  /// Outputs are computed in groups of group_size(); the last may be smaller. [group][term][output]
  int group_size() const { return group_size_; }
  const float* data() const { return data_.data(); }

 private:
  int num_out_, num_terms_, group_size_;
  std::vector<float> data_;
};

/// out[o · out_stride + out row + x] = Σ_t c(o, t) · in[term[t] + in row + x]: a convolution of any
/// size, a product over channels, and the gradients of both. `term` has one offset a term.
void multiply_planes(const PackedCoefficients& coefficients, std::span<const int> term,
                     const float* in, const PixelRows& rows, float* out, std::ptrdiff_t out_stride);

/// sum[o · num_terms + t] += Σ gradient[o · gradient_stride + out row + x] · in[term[t] + in row +
/// x] over all rows and pixels: the gradient of the coefficients. The order of the sum depends on
/// the arguments' sizes alone.
void accumulate_products(const float* gradient, std::ptrdiff_t gradient_stride, int num_out,
                         const float* in, std::span<const int> term, const PixelRows& rows,
                         float* sum);

/// out[y · width + x] = Σ weight[i · k + j] · in[(y + i) · pitch + x + j], k 3 or 5.
void depthwise_plane(const float* in, int pitch, const float* weight, int k, float* out, int height,
                     int width);
/// sum[i · k + j] += Σ_yx gradient[y · width + x] · in[(y + i) · pitch + x + j].
void depthwise_weight_sums(const float* in, int pitch, const float* gradient, int k, int height,
                           int width, float* sum);

/// Sums of 3×3 pixels of a padded plane: out[y · width + x] = Σ in[(y + i) · pitch + x + j].
void box_sum_plane(const float* in, int pitch, float* out, int height, int width);
/// Largest of 3×3 pixels of a plane whose border of one is −∞; NaN wins.
void max_pool_plane(const float* in, int pitch, float* out, int height, int width);
/// The gradient of each output pixel goes to the first pixel in row-major order that is its
/// maximum: added to in_gradient, which is padded as `in`. `out` is max_pool_plane's.
void max_pool_plane_gradient(const float* in, int pitch, const float* out, const float* gradient,
                             float* in_gradient, int height, int width);

/// A plane in a border `border` wide of `border_value`: padded is [(height + 2·border)][pitch],
/// pitch ≥ width + 2·border; what is behind the right border gets border_value too. The second one
/// takes p · g + q · z + r, the gradient through a batch norm.
void load_padded(const float* plane, const PixelView& view, int height, int width, int border,
                 float border_value, int pitch, float* padded);
void load_padded_combination(const float* g, const float* z, float p, float q, float r, int height,
                             int width, int border, int pitch, float* padded);
/// The same without a border.
void load(const float* plane, const PixelView& view, std::size_t count, float* out);
void load_combination(const float* g, const float* z, float p, float q, float r, std::size_t count,
                      float* out);
/// out += the plane as seen.
void add(const float* plane, const PixelView& view, std::size_t count, float* out);
/// out = a · b: pixel by pixel.
void multiply(const float* a, const float* b, std::size_t count, float* out);
/// Every second pixel from (first, first), first 0 or 1, into [ceil(height/2), ceil(width/2)];
/// beyond the edge 0.
void load_every_second(const float* plane, const PixelView& view, int height, int width, int first,
                       float* out);
/// The gradient of both: even [ceil(H/2), ceil(W/2)] at (0,0), (0,2) …, odd at (1,1), (1,3) …, zero
/// elsewhere.
void spread_even_and_odd(const float* even, const float* odd, int height, int width, float* plane);

/// g = d, or g += d when accumulating, where the view does not stop it: with relu, where
/// scale · z + shift ≤ 0, it counts as 0.
void deposit_gradient(const float* d, const float* z, const PixelView& view, std::size_t count,
                      bool accumulate, float* g);
/// The same with one value for all pixels.
void deposit_gradient(float d, const float* z, const PixelView& view, std::size_t count,
                      bool accumulate, float* g);

/// Mean, and sum of squares about it.
struct Moments {
  double mean = 0.0;
  double squares = 0.0;
};
Moments plane_moments(const float* plane, std::size_t count);
/// Σ g and Σ g · (z − centre).
struct GradientSums {
  double plain = 0.0;
  double centred = 0.0;
};
GradientSums gradient_sums(const float* g, const float* z, float centre, std::size_t count);
/// Sum of the plane as seen.
double view_sum(const float* plane, const PixelView& view, std::size_t count);

}  // namespace enas::nn
