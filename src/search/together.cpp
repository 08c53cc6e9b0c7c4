// SPDX-License-Identifier: Apache-2.0
#include "search/together.hpp"

#include <string>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::search {

void together(comm::World& world, const std::function<void()>& work) {
  ExitCode code = ExitCode::success;
  std::string message;
  try {
    work();
  } catch (const Error& error) {
    code = error.code();
    message = error.what();
  } catch (const std::exception& error) {
    code = ExitCode::internal;
    message = first_line(error.what());
  }
  if (const auto failure = world.share_failure(code, message)) {
    throw ConfigError(
        failure.rank == 0 ? failure.message : concat("rank ", failure.rank, ": ", failure.message),
        failure.code);
  }
}

}  // namespace enas::search
