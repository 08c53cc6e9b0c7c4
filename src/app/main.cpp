// SPDX-License-Identifier: Apache-2.0
// Starts MPI before anything else: a rank that left earlier would keep the others waiting.
#include <exception>

#include "app/application.hpp"
#include "app/machine/memory_settings.hpp"
#include "comm/world.hpp"
#include "core/log.hpp"
#include "core/stop_request.hpp"

int main(int argc, char** argv) {
  enas::app::keep_memory();
  enas::install_stop_handlers();
  try {
    enas::comm::World world(&argc, &argv);
    const auto code = enas::app::run_and_report(world, {argv + 1, argv + argc});
    return static_cast<int>(code);
  } catch (const std::exception& error) {
    enas::Log(0).error(error.what());
    return static_cast<int>(enas::ExitCode::internal);
  }
}
