// SPDX-License-Identifier: Apache-2.0
// LibTorch's own bfloat16 product rounds its result, so the library below it is asked directly
// where that is fast: 300 to 850 GFLOP/s a core of an Intel Xeon with AMX, for 130 to 150 in
// float32.
#include "nn/kernel/product.hpp"

#include <torch/torch.h>

#include <algorithm>

// MKL's, inside LibTorch's library for x86; absent elsewhere.
extern "C" [[gnu::weak]] void cblas_gemm_bf16bf16f32(int layout, int transpose_a, int transpose_b,
                                                     int m, int n, int k, float alpha,
                                                     const void* a, int lda, const void* b, int ldb,
                                                     float beta, float* c, int ldc);

namespace enas::nn {
namespace {

constexpr int kRowMajor = 101;
constexpr int kPlain = 111;
constexpr int kTransposed = 112;

#if defined(__x86_64__)
/// MKL takes slow roads on other makers' processors.
bool is_intel() { return __builtin_cpu_is("intel") != 0; }
/// Every processor with amx_bf16 has this too.
bool has_bfloat16_instructions() { return __builtin_cpu_supports("avx512bf16") != 0; }
#else
bool is_intel() { return false; }
bool has_bfloat16_instructions() { return true; }  // not known
#endif

struct MixedFactor {
  const void* values;
  bool transposed;
  std::int64_t pitch;
};

struct ProductSizes {
  std::int64_t rows, columns, depth;
};

void call_mixed_product(const MixedFactor& left, const MixedFactor& right, ProductSizes sizes,
                        float* out, std::int64_t out_pitch, bool accumulate) {
  cblas_gemm_bf16bf16f32(
      kRowMajor, left.transposed ? kTransposed : kPlain, right.transposed ? kTransposed : kPlain,
      static_cast<int>(sizes.rows), static_cast<int>(sizes.columns), static_cast<int>(sizes.depth),
      1.0F, left.values, static_cast<int>(left.pitch), right.values, static_cast<int>(right.pitch),
      accumulate ? 1.0F : 0.0F, out, static_cast<int>(out_pitch));
}

/// A matrix whose rows or whose columns are contiguous.
struct Layout {
  explicit Layout(const at::Tensor& matrix)
      : values(matrix.stride(1) == 1 || matrix.stride(0) == 1 ? matrix : matrix.contiguous()),
        transposed(values.stride(1) != 1),
        pitch(std::max({values.stride(transposed ? 1 : 0), values.size(transposed ? 0 : 1),
                        std::int64_t{1}})) {}
  at::Tensor values;
  bool transposed;
  std::int64_t pitch;
};

void mixed_product_out(at::Tensor& out, const at::Tensor& a, const at::Tensor& b, bool accumulate) {
  const Layout left(a);
  const Layout right(b);
  call_mixed_product({left.values.const_data_ptr(), left.transposed, left.pitch},
                     {right.values.const_data_ptr(), right.transposed, right.pitch},
                     {out.size(0), out.size(1), a.size(1)}, out.data_ptr<float>(),
                     std::max(out.stride(0), out.size(1)), accumulate);
}

}  // namespace

bool has_mixed_product() {
  static const bool has =
      cblas_gemm_bf16bf16f32 != nullptr && is_intel() && has_bfloat16_instructions();
  return has;
}

at::Tensor as_factor(const at::Tensor& a, Precision precision) {
  return precision == Precision::bfloat16 && a.scalar_type() == at::kFloat ? a.to(at::kBFloat16)
                                                                           : a;
}

void product_out(at::Tensor out, const at::Tensor& a, const at::Tensor& b, Precision precision,
                 bool accumulate) {
  if (precision == Precision::bfloat16 && out.scalar_type() == at::kFloat) {
    const at::Tensor left = as_factor(a, precision);
    const at::Tensor right = as_factor(b, precision);
    if (out.is_cuda()) {
      const at::Tensor product = at::mm(left, right, at::kFloat);
      accumulate ? out.add_(product) : out.copy_(product);
    } else if (out.device().is_cpu() && out.stride(1) == 1 && has_mixed_product()) {
      mixed_product_out(out, left, right, accumulate);
    } else if (accumulate) {
      out.add_(at::mm(left, right));
    } else {
      out.copy_(at::mm(left, right));
    }
  } else if (accumulate) {
    at::addmm_out(out, out, a, b);
  } else {
    at::mm_out(out, a, b);
  }
}

void multiply_bfloat16(const MixedProduct& product) {
  const bool left = product.left_is_transposed;
  const bool right = product.right_is_transposed;
  call_mixed_product({product.left, left, left ? product.rows : product.depth},
                     {product.right, right, right ? product.depth : product.columns},
                     {product.rows, product.columns, product.depth}, product.out, product.pitch,
                     product.accumulate);
}

std::string precision_problem(Precision precision) {
  if (precision != Precision::bfloat16 || has_bfloat16_instructions()) return "";
  return "this CPU has no bfloat16 instructions (avx512_bf16) and emulates them, "
         "which is slower than float32; set supernet.precision = \"float32\"";
}

}  // namespace enas::nn
