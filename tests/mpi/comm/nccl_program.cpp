// SPDX-License-Identifier: Apache-2.0
// Three sums over NCCL, with errors reported as the program reports them. For tests of failures.
#include <exception>
#include <iostream>

#include "comm/device.hpp"
#include "comm/nccl_reducer.hpp"
#include "comm/slot_tree.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace {

using namespace enas;

void sum_three_times(comm::World& world) {
  const int device = comm::bind_device(world);
  if (world.is_root()) std::cerr << concat("device ", device, ", ", comm::nccl_description(), "\n");
  const int num_slots = world.size();
  const auto reducer = comm::make_nccl_reducer(world, num_slots, 2.0);
  comm::ReductionPlan plan{num_slots, {{0, 5000, {}}}};
  for (int slot = 0; slot < num_slots; ++slot) plan.tensors[0].slots.push_back(slot);
  for (int step = 0; step < 3; ++step) {
    reducer->begin(plan);
    for (float& value : reducer->slot_buffer()) value = 1.0F;
    reducer->merge_slot(world.rank());
    const auto sum = reducer->reduce();
    expect(sum[4999] == static_cast<float>(num_slots), "the sum of ones is the number of slots");
  }
  if (world.is_root()) std::cerr << "three sums are right\n";
}

}  // namespace

int main(int argc, char** argv) {
  comm::World world(&argc, &argv);
  ExitCode code = ExitCode::success;
  try {
    sum_three_times(world);
  } catch (const ConfigError& error) {  // on every rank
    if (world.is_root()) std::cerr << concat("error: ", error.what(), "\n");
    code = error.code();
  } catch (const Error& error) {
    std::cerr << concat("error: ", error.what(), "\n");
    world.abort(error.code());
  }
  return static_cast<int>(code);
}
