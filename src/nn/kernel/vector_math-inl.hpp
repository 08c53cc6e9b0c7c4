// SPDX-License-Identifier: Apache-2.0
// exp, tanh and the logistic function of float vectors, to two units in the last place. NaN stays
// NaN. Included once for each instruction set.
#if defined(ENAS_NN_VECTOR_MATH_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef ENAS_NN_VECTOR_MATH_INL_HPP
#undef ENAS_NN_VECTOR_MATH_INL_HPP
#else
#define ENAS_NN_VECTOR_MATH_INL_HPP
#endif

#include "nn/kernel/float_vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace enas::nn::HWY_NAMESPACE {
namespace {

/// v, or 0 where it is so small that arithmetic with it would be slow: products of such numbers are
/// subnormal, which costs a processor a hundred cycles each.
HWY_INLINE Vector without_tiny(Vector v) {
  return hn::IfThenZeroElse(hn::Lt(hn::Abs(v), constant(1e-30F)), v);
}

/// For x ≤ 0; 0 below -69.
HWY_INLINE Vector exp_of_nonpositive(Vector x) {
  const hn::RebindToSigned<Full> integers;
  // Comparisons, not Max: that would replace NaN.
  const auto is_tiny = hn::Lt(x, constant(-69.0F));
  x = hn::IfThenZeroElse(is_tiny, x);
  const Vector n = hn::Round(hn::Mul(x, constant(1.44269504F)));
  // x − n · ln 2 in two parts (Cody and Waite 1980).
  Vector r = hn::NegMulAdd(n, constant(0.693359375F), x);
  r = hn::NegMulAdd(n, constant(-2.12194440e-4F), r);
  Vector p = constant(1.9875691500e-4F);
  p = hn::MulAdd(p, r, constant(1.3981999507e-3F));
  p = hn::MulAdd(p, r, constant(8.3334519073e-3F));
  p = hn::MulAdd(p, r, constant(4.1665795894e-2F));
  p = hn::MulAdd(p, r, constant(1.6666665459e-1F));
  p = hn::MulAdd(p, r, constant(5.0000001201e-1F));
  p = hn::Add(hn::MulAdd(p, hn::Mul(r, r), r), constant(1.0F));
  const auto exponent =
      hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(integers, n), hn::Set(integers, 127)));
  return hn::IfThenZeroElse(is_tiny, hn::Mul(p, hn::BitCast(Full(), exponent)));
}

HWY_INLINE Vector sigmoid_of(Vector x) {
  const Vector e = exp_of_nonpositive(hn::Neg(hn::Abs(x)));
  return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(Full())), e, constant(1.0F)),
                 hn::Add(e, constant(1.0F)));
}

HWY_INLINE Vector tanh_of(Vector x) {
  const Vector size = hn::Abs(x);
  const Vector e = exp_of_nonpositive(hn::Mul(size, constant(-2.0F)));
  const Vector far = hn::Div(hn::Sub(constant(1.0F), e), hn::Add(constant(1.0F), e));
  // An odd polynomial where the quotient would lose digits (Moshier, Cephes).
  const Vector z = hn::Mul(x, x);
  Vector p = constant(-5.70498872745e-3F);
  p = hn::MulAdd(p, z, constant(2.06390887954e-2F));
  p = hn::MulAdd(p, z, constant(-5.37397155531e-2F));
  p = hn::MulAdd(p, z, constant(1.33314422036e-1F));
  p = hn::MulAdd(p, z, constant(-3.33332819422e-1F));
  const Vector near = hn::MulAdd(hn::Mul(p, z), x, x);
  return hn::IfThenElse(hn::Lt(size, constant(0.625F)), near, hn::CopySign(far, x));
}

}  // namespace
}  // namespace enas::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
