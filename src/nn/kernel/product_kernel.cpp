// SPDX-License-Identifier: Apache-2.0
// A tile of rows times one panel is summed in registers. Blocks of k keep a panel in the first
// cache while all rows of a block pass over it.
#include "nn/kernel/product_kernel.hpp"

#include "nn/kernel/simd_targets.hpp"

#define HWY_TARGET_INCLUDE "nn/kernel/product_kernel.cpp"
#include <hwy/foreach_target.h>
// Must follow foreach_target.h.
#include <hwy/highway.h>

#include "nn/kernel/float_vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace enas::nn::HWY_NAMESPACE {
namespace {

using Index = std::int64_t;

// Tiles that, with the operands of one step, fill the registers.
constexpr bool kManyRegisters = HWY_MAX_BYTES == 64 || HWY_TARGET == HWY_NEON;
constexpr int kTileRows = kManyRegisters ? 8 : 6;
constexpr int kTileVectors = kManyRegisters ? 3 : 2;
constexpr Index kLanes = HWY_LANES(float);
constexpr Index kPanel = kTileVectors * kLanes;
constexpr Index kDepthBlock = 224;  // part of the bits: sums are formed block by block
constexpr Index kRowBlock = 64;
constexpr Index kLine = 16;   // floats of a cache line
constexpr Index kGroup = 16;  // panels that stay in the second cache for all blocks of rows

HWY_INLINE Index smaller(Index a, Index b) { return a < b ? a : b; }

// How a block of the left factor lies in memory: rows of one tile row_stride apart, tiles
// tile_stride a row apart.
struct LeftBlock {
  const float* data;
  Index row_stride, tile_stride;
  const float* next;  // fetched meanwhile
};

// A block of k of one panel, and what to fetch into the second cache while it is used.
struct PanelBlock {
  const float* data;
  Index depth;
  Index valid;  // columns that the output has
  const float* next;
  Index next_step;  // floats a step of k
};

struct OutputBlock {
  float* data;
  Index pitch;
  bool accumulate;
};

template <int kVectors>
HWY_INLINE void store_row(const Vector* sum, Index valid, bool accumulate, float* out) {
  const Full full;
  HWY_UNROLL(3)
  for (int v = 0; v < kVectors; ++v) {
    float* const place = out + v * kLanes;
    const Index left = valid - v * kLanes;
    if (left >= kLanes) {
      const Vector before = accumulate ? hn::LoadU(full, place) : hn::Zero(full);
      hn::StoreU(hn::Add(sum[v], before), full, place);
    } else if (left > 0) {
      const auto count = static_cast<std::size_t>(left);
      const Vector before = accumulate ? load_first(full, place, count) : hn::Zero(full);
      store_first(hn::Add(sum[v], before), full, place, count);
    }
  }
}

// kStep floats lie between factors of one row.
template <int kRows, int kVectors, int kStep>
HWY_INLINE void add_products(const float* HWY_RESTRICT factors, Index row_stride,
                             const float* HWY_RESTRICT values, Index depth, const float* next,
                             Index next_step, Vector (&sum)[kRows][kVectors]) {
  for (Index k = 0; k < depth; ++k) {
    Vector value[kVectors];
    HWY_UNROLL(3)
    for (int v = 0; v < kVectors; ++v) {
      value[v] = in_register(hn::LoadU(Full(), values + v * kLanes));
    }
    HWY_UNROLL(8)
    for (int r = 0; r < kRows; ++r) {
      const Vector factor = hn::Set(Full(), factors[r * row_stride]);
      HWY_UNROLL(3)
      for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(factor, value[v], sum[r][v]);
    }
    factors += kStep;
    values += kVectors * kLanes;
    __builtin_prefetch(next, 0, 2);
    next += next_step;
  }
}

// Alone, because GCC spills registers when it is inlined.
template <int kRows, int kVectors, int kStep, bool kFetchLeft>
HWY_NOINLINE void multiply_tile(const LeftBlock& left, const PanelBlock& panel,
                                const OutputBlock& out) {
  Vector sum[kRows][kVectors];
  HWY_UNROLL(8)
  for (int r = 0; r < kRows; ++r) {
    HWY_UNROLL(3)
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = hn::Zero(Full());
      __builtin_prefetch(out.data + r * out.pitch + v * kLanes, 1, 3);
    }
  }
  const Index part = kFetchLeft ? kLine : panel.depth;
  for (Index k = 0; k < panel.depth; k += part) {
    if constexpr (kFetchLeft) {
      HWY_UNROLL(8)
      for (int r = 0; r < kRows; ++r) {
        __builtin_prefetch(left.next + r * left.row_stride + k, 0, 2);
      }
    }
    add_products<kRows, kVectors, kStep>(
        left.data + k * kStep, left.row_stride, panel.data + k * kVectors * kLanes,
        smaller(part, panel.depth - k), panel.next + k * panel.next_step, panel.next_step, sum);
  }
  HWY_UNROLL(8)
  for (int r = 0; r < kRows; ++r) {
    store_row<kVectors>(sum[r], panel.valid, out.accumulate, out.data + r * out.pitch);
  }
}

template <int kVectors, int kStep, bool kFetchLeft, int kRows = kTileRows>
void multiply_rows(LeftBlock left, Index rows, PanelBlock panel, OutputBlock out) {
  for (; rows >= kRows; rows -= kRows) {
    multiply_tile<kRows, kVectors, kStep, kFetchLeft>(left, panel, out);
    left.data += kRows * left.tile_stride;
    left.next += kRows * left.tile_stride;
    out.data += kRows * out.pitch;
    panel.next += panel.next_step * panel.depth;
  }
  if constexpr (kRows > 1) {
    left.tile_stride = left.row_stride;
    if (rows > 0) multiply_rows<kVectors, kStep, false, kRows / 2>(left, rows, panel, out);
  }
}

template <int kStep, bool kFetchLeft>
void multiply_panel(const LeftBlock& left, Index rows, Index width, const PanelBlock& panel,
                    const OutputBlock& out) {
  if (width == kPanel) {
    multiply_rows<kTileVectors, kStep, kFetchLeft>(left, rows, panel, out);
  } else if (width == kLanes) {
    multiply_rows<1, kStep, kFetchLeft>(left, rows, panel, out);
  } else {
    multiply_rows<2, kStep, kFetchLeft>(left, rows, panel, out);
  }
}

HWY_INLINE Index vectors_of(Index columns) { return (columns + kLanes - 1) / kLanes; }

HWY_INLINE Index panels_of(Index columns) {
  return (vectors_of(columns) + kTileVectors - 1) / kTileVectors;
}

// Panels are as even as whole vectors allow: one vector alone would be slow.
struct Panel {
  Index first;  // column
  Index width;  // with the columns of zeros
  Index valid;
};
HWY_INLINE Panel panel_at(Index columns, Index panel) {
  const Index vectors = vectors_of(columns);
  const Index panels = panels_of(columns);
  const Index first = vectors * panel / panels * kLanes;
  const Index end = vectors * (panel + 1) / panels * kLanes;
  return {first, end - first, smaller(end, columns) - first};
}

// Tiles one behind the other, k by k, so that a column-wise left factor is read once.
LeftBlock pack_left(const MatrixView& left, Index rows, Index depth, float* packed) {
  for (Index row = 0; row < rows; row += kTileRows) {
    const Index valid = smaller(kTileRows, rows - row);
    const float* source = left.data + row * left.row_stride;
    float* target = packed + row * depth;
    for (Index k = 0; k < depth; ++k) {
      if (valid == kTileRows && left.row_stride == 1) {
        __builtin_memcpy(target, source, kTileRows * sizeof(float));
      } else {
        for (Index r = 0; r < valid; ++r) target[r] = source[r * left.row_stride];
      }
      source += left.column_stride;
      target += kTileRows;
    }
  }
  return {packed, 1, depth, packed};
}

// One block of k and of rows, and where the next one begins.
struct Block {
  Index k, depth, row, next_k, next_row;
};

void multiply_block(const PanelProduct& p, const Block& block, Index first, Index last) {
  alignas(64) float packed_left[(kRowBlock + kTileRows) * kDepthBlock];
  const Index rows = smaller(kRowBlock, p.rows - block.row);
  const MatrixView view = p.left.at(block.row, block.k);
  LeftBlock left = {view.data, view.row_stride, view.row_stride, view.data};
  const bool by_rows = view.column_stride == 1;
  if (!by_rows) left = pack_left(view, rows, block.depth, packed_left);
  for (Index number = first; number < last; ++number) {
    const bool is_last = number + 1 == last;
    const Panel panel = panel_at(p.columns, number);
    const Panel next = panel_at(p.columns, is_last ? first : number + 1);
    const Index next_k = is_last ? block.next_k : block.k;
    const PanelBlock right = {p.packed + panel.first * p.depth + block.k * panel.width, block.depth,
                              panel.valid, p.packed + next.first * p.depth + next_k * next.width,
                              kPanel * kTileRows / (rows < kTileRows ? kTileRows : rows)};
    const OutputBlock out = {p.out + block.row * p.pitch + panel.first, p.pitch,
                             p.accumulate || block.k > 0};
    if (!by_rows) {
      multiply_panel<kTileRows, false>(left, rows, panel.width, right, out);
    } else if (is_last) {
      left.next = p.left.at(block.next_row, block.next_k).data;
      multiply_panel<1, true>(left, rows, panel.width, right, out);
    } else {
      multiply_panel<1, false>(left, rows, panel.width, right, out);
    }
  }
}

void multiply(const PanelProduct& p, Index first, Index last) {
  const Index blocks = (p.depth + kDepthBlock - 1) / kDepthBlock;
  for (Index group = first; group < last; group += kGroup) {
    for (Index number = 0; number < blocks; ++number) {
      const Index k = p.depth * number / blocks;
      const Index end = p.depth * (number + 1) / blocks;
      for (Index row = 0; row < p.rows; row += kRowBlock) {
        const bool more_rows = row + kRowBlock < p.rows;
        const Index next_k = more_rows ? k : end < p.depth ? end : 0;
        multiply_block(p, {k, end - k, row, next_k, more_rows ? row + kRowBlock : 0}, group,
                       smaller(group + kGroup, last));
      }
    }
  }
}

void pack(const MatrixView& m, Index depth, Index columns, Index first, Index last, float* packed) {
  for (Index number = first; number < last; ++number) {
    const Panel panel = panel_at(columns, number);
    const Index width = panel.width;
    const Index valid = panel.valid;
    const float* const source = m.data + panel.first * m.column_stride;
    float* const target = packed + panel.first * depth;
    if (m.column_stride == 1) {
      for (Index k = 0; k < depth; ++k) {
        for (Index j = 0; j < valid; ++j) target[k * width + j] = source[k * m.row_stride + j];
      }
    } else {
      // Blocks of k, so that what is written stays in the first cache.
      for (Index begin = 0; begin < depth; begin += kLanes) {
        const Index end = smaller(begin + kLanes, depth);
        for (Index j = 0; j < valid; ++j) {
          for (Index k = begin; k < end; ++k) {
            target[k * width + j] = source[k * m.row_stride + j * m.column_stride];
          }
        }
      }
    }
    for (Index k = 0; k < depth; ++k) {
      for (Index j = valid; j < width; ++j) target[k * width + j] = 0.0F;
    }
  }
}

Index packed_columns(Index columns) { return vectors_of(columns) * kLanes; }

}  // namespace
}  // namespace enas::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace enas::nn {
namespace {
HWY_EXPORT(multiply);
HWY_EXPORT(pack);
HWY_EXPORT(panels_of);
HWY_EXPORT(packed_columns);
}  // namespace

std::int64_t num_panels(std::int64_t columns) { return HWY_DYNAMIC_DISPATCH(panels_of)(columns); }

std::int64_t packed_size(std::int64_t depth, std::int64_t columns) {
  return depth * HWY_DYNAMIC_DISPATCH(packed_columns)(columns);
}

void pack_panels(const MatrixView& matrix, std::int64_t depth, std::int64_t columns,
                 std::int64_t first, std::int64_t last, float* packed) {
  HWY_DYNAMIC_DISPATCH(pack)(matrix, depth, columns, first, last, packed);
}

void multiply_panels(const PanelProduct& product, std::int64_t first, std::int64_t last) {
  HWY_DYNAMIC_DISPATCH(multiply)(product, first, last);
}

void multiply_panels(const PanelProduct& product) {
  multiply_panels(product, 0, num_panels(product.columns));
}

}  // namespace enas::nn
#endif
