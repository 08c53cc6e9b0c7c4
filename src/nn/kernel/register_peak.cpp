// SPDX-License-Identifier: Apache-2.0
// The kernel is compiled once for each instruction set and chosen at run time.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "nn/kernel/machine.hpp"
#include "nn/kernel/simd_targets.hpp"

#define HWY_TARGET_INCLUDE "nn/kernel/register_peak.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h comes first
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace enas::nn::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int kChains = 12;  ///< as many as hide the latency of two units, in 16 registers

/// kChains independent sums, `rounds` multiply-adds each. Returns operations; `sink` keeps the
/// compiler from leaving them out. Named variables, since an array of them would go through memory.
double multiply_add(std::int64_t rounds, float& sink) {
  const hn::ScalableTag<float> d;
  const auto x = hn::Set(d, 0.5F);
  const auto y = hn::Set(d, sink);
  // Each chain starts elsewhere: the compiler would make one of equal ones.
  auto s0 = hn::Set(d, sink + 1.0F);
  auto s1 = hn::Set(d, sink + 2.0F);
  auto s2 = hn::Set(d, sink + 3.0F);
  auto s3 = hn::Set(d, sink + 4.0F);
  auto s4 = hn::Set(d, sink + 5.0F);
  auto s5 = hn::Set(d, sink + 6.0F);
  auto s6 = hn::Set(d, sink + 7.0F);
  auto s7 = hn::Set(d, sink + 8.0F);
  auto s8 = hn::Set(d, sink + 9.0F);
  auto s9 = hn::Set(d, sink + 10.0F);
  auto s10 = hn::Set(d, sink + 11.0F);
  auto s11 = hn::Set(d, sink + 12.0F);
  for (std::int64_t i = 0; i < rounds; ++i) {
    s0 = hn::MulAdd(s0, x, y);
    s1 = hn::MulAdd(s1, x, y);
    s2 = hn::MulAdd(s2, x, y);
    s3 = hn::MulAdd(s3, x, y);
    s4 = hn::MulAdd(s4, x, y);
    s5 = hn::MulAdd(s5, x, y);
    s6 = hn::MulAdd(s6, x, y);
    s7 = hn::MulAdd(s7, x, y);
    s8 = hn::MulAdd(s8, x, y);
    s9 = hn::MulAdd(s9, x, y);
    s10 = hn::MulAdd(s10, x, y);
    s11 = hn::MulAdd(s11, x, y);
  }
  const auto a = hn::Add(hn::Add(s0, s1), hn::Add(s2, s3));
  const auto b = hn::Add(hn::Add(s4, s5), hn::Add(s6, s7));
  const auto c = hn::Add(hn::Add(s8, s9), hn::Add(s10, s11));
  sink = hn::GetLane(hn::Add(hn::Add(a, b), c));
  return 2.0 * kChains * static_cast<double>(hn::Lanes(d)) * static_cast<double>(rounds);
}

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace
}  // namespace enas::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace enas::nn {
namespace {

HWY_EXPORT(multiply_add);
HWY_EXPORT(target_name);

/// GFLOP/s of one thread.
double rate(double seconds) {
  constexpr std::int64_t kRounds = 20000;
  float sink = 1.0F;
  double operations = 0.0;
  const Stopwatch watch;
  double elapsed = 0.0;
  while (elapsed < seconds) {
    operations += HWY_DYNAMIC_DISPATCH(multiply_add)(kRounds, sink);
    sink = std::min(sink, 1.0F);
    elapsed = watch.seconds();
  }
  return operations / elapsed / 1e9;
}

/// The sum over threads that start together.
double rate_of_all(int threads, double seconds) {
  std::atomic<int> waiting = threads;
  std::vector<double> rates(static_cast<std::size_t>(threads));
  std::vector<std::thread> others;
  const auto work = [&](std::size_t number) {
    --waiting;
    while (waiting > 0) std::this_thread::yield();
    rates[number] = rate(seconds);
  };
  for (std::size_t i = 1; i < rates.size(); ++i) others.emplace_back(work, i);
  work(0);
  for (auto& other : others) other.join();
  double sum = 0.0;
  for (const double value : rates) sum += value;
  return sum;
}

}  // namespace

double register_peak_gflops(int threads, double seconds) {
  constexpr int kAttempts = 12;  // short ones, so that one is likely to be undisturbed
  double best = 0.0;
  for (int i = 0; i < kAttempts; ++i) best = std::max(best, rate_of_all(threads, seconds));
  return best;
}

const char* simd_target() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

void limit_simd_to_avx2() {
  hwy::DisableTargets(HWY_AVX2 - 1);  // of x86's targets, better ones have lower bits
}

}  // namespace enas::nn
#endif
