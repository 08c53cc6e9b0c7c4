// SPDX-License-Identifier: Apache-2.0
#include "app/machine/machine_speed.hpp"

#include <numeric>

#include "app/machine/memory_settings.hpp"
#include "app/machine/mkl_fast_path.hpp"
#include "core/text.hpp"
#include "nn/kernel/machine.hpp"
#include "search/search.hpp"

namespace enas::app {
namespace {

/// Products slower than this share of the register peak mean a slow BLAS.
constexpr double kSlowShare = 0.5;

/// Collective. The sum of all ranks' values.
double sum(comm::World& world, double mine) {
  const auto all = world.all_gather_value(mine);
  return std::accumulate(all.begin(), all.end(), 0.0);
}

}  // namespace

double measure_register_peak(comm::World& world, int threads) {
  world.barrier();
  return sum(world, nn::register_peak_gflops(threads));
}

MachineSpeed measure_machine(comm::World& world, int threads) {
  nn::set_threads(threads);
  MachineSpeed speed;
  speed.register_peak = measure_register_peak(world, threads);
  world.barrier();
  const auto products = nn::product_rates();
  speed.product_step = sum(world, products.step);
  speed.product_large = sum(world, products.large);
  speed.product_bfloat16 = sum(world, products.step_bfloat16);
  world.barrier();
  const auto memory = nn::memory_rates();
  speed.copy = sum(world, memory.copy);
  speed.first_touch = sum(world, memory.first_touch);
  return speed;
}

Json machine_json(const MachineSpeed& speed) {
  return {{"simd", nn::simd_target()},
          {"register_peak_gflops", speed.register_peak},
          {"product_64x1000x2000_gflops", speed.product_step},
          {"product_2048_gflops", speed.product_large},
          {"product_64x1000x2000_bfloat16_gflops", speed.product_bfloat16},
          {"copy_gb_per_s", speed.copy},
          {"first_touch_gb_per_s", speed.first_touch},
          {"mkl_fast_path", mkl_fast_path_state()},
          {"memory", memory_settings_state()}};
}

std::string machine_text(const Json& machine) {
  const double peak = machine["register_peak_gflops"].get<double>();
  const auto rate = [&](const char* key) {
    const double value = machine[key].get<double>();
    return concat(fixed(value, 0), " (", fixed(100.0 * value / peak, 0), " %)");
  };
  const auto number = [&](const char* key) { return fixed(machine[key].get<double>(), 1); };
  return concat("register peak: ", fixed(peak, 0), " GFLOP/s of float32 multiply-adds (",
                machine["simd"].get<std::string>(), ", all threads of all ranks)\n",
                "products of LibTorch, GFLOP/s: 64×1000×2000 ", rate("product_64x1000x2000_gflops"),
                ", 2048³ ", rate("product_2048_gflops"), "; bfloat16 64×1000×2000 ",
                fixed(machine["product_64x1000x2000_bfloat16_gflops"].get<double>(), 0), "\n",
                "memory: copy ", number("copy_gb_per_s"), " GB/s, first touch ",
                number("first_touch_gb_per_s"), " GB/s\n",
                "MKL fast path: ", machine["mkl_fast_path"].get<std::string>(), "\n",
                "memory settings: ", machine["memory"].get<std::string>(), "\n");
}

std::string slow_products_advice(const MachineSpeed& speed) {
  if (speed.product_large >= kSlowShare * speed.register_peak) return "";
  return concat("LibTorch's products reach ",
                fixed(100.0 * speed.product_large / speed.register_peak, 0),
                " % of the register peak: a slow BLAS (or a busy machine). On AMD build with "
                "ENAS_MKL_FAST_PATH=ON; elsewhere try another build of LibTorch");
}

}  // namespace enas::app
