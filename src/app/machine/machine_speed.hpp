// SPDX-License-Identifier: Apache-2.0
// What all ranks together can compute at best, for `doctor` and `bench`.
#pragma once

#include <string>

#include "comm/world.hpp"
#include "core/json.hpp"

namespace enas::app {

/// Sums over ranks that measure at the same time.
struct MachineSpeed {
  double register_peak = 0.0;     ///< GFLOP/s of float32 multiply-adds in registers
  double product_step = 0.0;      ///< GFLOP/s of LibTorch's products: float32, 64 × 1000 × 2000
  double product_large = 0.0;     ///< float32, 2048 × 2048 × 2048
  double product_bfloat16 = 0.0;  ///< bfloat16, 64 × 1000 × 2000
  double copy = 0.0;              ///< GB/s
  double first_touch = 0.0;       ///< GB/s
};

/// Collective. Sets LibTorch's threads of every rank. Takes about half a second.
MachineSpeed measure_machine(comm::World& world, int threads);
/// Collective. The first of them alone.
double measure_register_peak(comm::World& world, int threads);

/// With "mkl_fast_path" and "memory", what this process does for its speed.
Json machine_json(const MachineSpeed& speed);
/// Lines of text, each with its end.
std::string machine_text(const Json& machine);
/// What to do when products are far below what the registers can do; "" when they are not.
std::string slow_products_advice(const MachineSpeed& speed);

}  // namespace enas::app
