// SPDX-License-Identifier: Apache-2.0
#include "app/root_task.hpp"

#include <iostream>
#include <new>

#include "core/error.hpp"

namespace enas::app {

void run_on_root(comm::World& world, const std::function<void()>& task) {
  ExitCode code = ExitCode::success;
  std::string message;
  if (world.is_root()) {
    try {
      const comm::World::LocalWork local(world);
      task();
    } catch (const Error& error) {
      code = error.code();
      message = error.what();
    } catch (const std::bad_alloc&) {
      code = ExitCode::internal;
      message = "out of memory";
    } catch (const std::exception& error) {
      code = ExitCode::internal;
      message = error.what();
    }
  }
  const auto failure = world.share_failure(code, message);
  if (failure) throw ConfigError(failure.message, failure.code);
}

void print_on_root(std::string_view text) {
  std::cout << text << std::flush;
  if (!std::cout) throw SystemError("cannot write to standard output");
}

}  // namespace enas::app
