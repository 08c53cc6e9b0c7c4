// SPDX-License-Identifier: Apache-2.0
// What the products over planes hand to the code that is compiled for each instruction set: plain
// data, so that no inline function is shared between them.
#pragma once

#include <cstddef>

#include "nn/plane/kernels.hpp"

namespace enas::nn {

/// Pixels of one vector: `lanes` from in and out; if rows are short, `lanes2` more from another row
/// in the upper half of the vector.
struct PixelVector {
  int in, out, lanes;
  int in2, out2, lanes2;
};

/// Vectors in the order of the rows, those of all lanes first.
struct PixelVectors {
  const PixelVector* data;
  int num_full, count;
  bool halves;
};

/// The rows cut into vectors of the machine's width; valid until this thread's next call.
PixelVectors pixel_vectors(const PixelRows& rows);

/// Arguments of multiply_planes.
struct PlaneProduct {
  const float* coefficients;
  int num_out, num_terms, group_size;
  const int* term;
  const float* in;
  float* out;
  std::ptrdiff_t out_stride;
};

/// Arguments of accumulate_products.
struct PlaneAccumulation {
  const float* gradient;
  std::ptrdiff_t gradient_stride;
  int num_out, num_terms;
  const float* in;
  const int* term;
  float* sum;
};

}  // namespace enas::nn
