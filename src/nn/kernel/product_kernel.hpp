// SPDX-License-Identifier: Apache-2.0
// Products of float32 matrices in SIMD for the best instruction set of the machine. Every element
// is one sum over k in an order that depends on the length of k alone, so the bits are the same for
// any number of rows, columns and threads. Each call runs on one thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace enas::nn {

/// Element (i, j) lies at data[i · row_stride + j · column_stride].
struct MatrixView {
  const float* data = nullptr;
  std::int64_t row_stride = 0;
  std::int64_t column_stride = 1;

  MatrixView at(std::int64_t row, std::int64_t column) const {
    return {data + row * row_stride + column * column_stride, row_stride, column_stride};
  }
  MatrixView transposed() const { return {data, column_stride, row_stride}; }
};

/// Panels of a right factor: columns that are read together, the unit in which columns are divided
/// among threads.
std::int64_t num_panels(std::int64_t columns);
/// Floats that a packed [depth, columns] takes.
std::int64_t packed_size(std::int64_t depth, std::int64_t columns);
/// Writes panels [first, last) of a right factor [depth, columns]. Columns beyond the last become
/// zeros.
void pack_panels(const MatrixView& matrix, std::int64_t depth, std::int64_t columns,
                 std::int64_t first, std::int64_t last, float* packed);

/// out[i · pitch + j] = Σ_k left(i, k) · right(k, j), or += when accumulating, for `rows` rows and
/// the columns of panels [first, last) of a packed right factor.
struct PanelProduct {
  MatrixView left;
  const float* packed = nullptr;
  std::int64_t rows = 0;
  std::int64_t depth = 0;
  std::int64_t columns = 0;
  float* out = nullptr;
  std::int64_t pitch = 0;
  bool accumulate = false;
};
void multiply_panels(const PanelProduct& product, std::int64_t first, std::int64_t last);
/// All panels.
void multiply_panels(const PanelProduct& product);

}  // namespace enas::nn
