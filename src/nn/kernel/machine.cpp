// SPDX-License-Identifier: Apache-2.0
#include "nn/kernel/machine.hpp"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <sys/mman.h>
#include <torch/torch.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <new>

#include "core/clock.hpp"

namespace enas::nn {

namespace {

/// Seconds of the fastest of as many calls as fit into `budget_s`, at least one.
double fastest(double budget_s, const std::function<void()>& work) {
  const Stopwatch whole;
  double best = 1e30;
  do {
    const Stopwatch watch;
    work();
    best = std::min(best, watch.seconds());
  } while (whole.seconds() < budget_s);
  return best;
}

double product_gflops(std::int64_t rows, std::int64_t inner, std::int64_t columns,
                      at::ScalarType type, double budget_s) {
  const at::NoGradGuard no_grad;
  const auto a = at::full({rows, inner}, 0.5, type);
  const auto b = at::full({inner, columns}, 0.5, type);
  auto product = at::empty({rows, columns}, type);
  const double seconds = fastest(budget_s, [&] { at::mm_out(product, a, b); });
  return 2e-9 * static_cast<double>(rows * inner * columns) / seconds;
}

constexpr std::size_t kBytes = std::size_t{64} << 20;

/// Pages fresh from the system: malloc may hand out some that were touched before.
class FreshMemory {
 public:
  FreshMemory()
      : begin_(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (begin_ == MAP_FAILED) throw std::bad_alloc();
  }
  ~FreshMemory() { munmap(begin_, kBytes); }
  FreshMemory(const FreshMemory&) = delete;
  FreshMemory& operator=(const FreshMemory&) = delete;
  char* at(std::int64_t offset) { return static_cast<char*>(begin_) + offset; }

 private:
  void* begin_;
};

/// One part of the buffer for each thread.
void in_parts(const std::function<void(std::int64_t, std::size_t)>& work) {
  at::parallel_for(0, static_cast<std::int64_t>(kBytes), 1 << 20,
                   [&](std::int64_t begin, std::int64_t end) {
                     work(begin, static_cast<std::size_t>(end - begin));
                   });
}

}  // namespace

std::string instruction_set() { return at::get_cpu_capability(); }

int set_threads(int threads) {
  at::set_num_threads(threads);
  return at::get_num_threads();
}

ProductRates product_rates() {
  ProductRates rates;
  rates.step = product_gflops(64, 1000, 2000, at::kFloat, 0.1);
  rates.step_bfloat16 = product_gflops(64, 1000, 2000, at::kBFloat16, 0.05);
  rates.large = product_gflops(2048, 2048, 2048, at::kFloat, 0.4);
  return rates;
}

MemoryRates memory_rates() {
  constexpr double kGigabytes = static_cast<double>(kBytes) / 1e9;
  FreshMemory source;
  FreshMemory target;
  const auto touch = [](FreshMemory& memory) {
    const Stopwatch watch;
    in_parts([&](std::int64_t begin, std::size_t size) { std::memset(memory.at(begin), 1, size); });
    return kGigabytes / watch.seconds();
  };
  const double first = touch(source);
  MemoryRates rates;
  rates.first_touch = std::max(first, touch(target));
  rates.copy = kGigabytes / fastest(0.05, [&] {
                 in_parts([&](std::int64_t begin, std::size_t size) {
                   std::memcpy(target.at(begin), source.at(begin), size);
                 });
               });
  return rates;
}

}  // namespace enas::nn
