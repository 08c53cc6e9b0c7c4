// SPDX-License-Identifier: Apache-2.0
// Which GPU belongs to which rank. One rank for each GPU.
#pragma once

#include <string>

#include "comm/world.hpp"

namespace enas::comm {

/// The GPUs that this process may use.
struct DeviceSurvey {
  int count = 0;
  std::string problem;  ///< why there is none; "" otherwise
};
DeviceSurvey survey_devices();

/// Collective. Gives every rank a GPU of its own and makes it the current one of the calling
/// thread: the only one that is visible, else the one of the node-local rank. Returns its number.
/// Throws ConfigError (66) alike on every rank when a rank has none, when two ranks share one (by
/// PCI id), or when the NCCL that was loaded is another version than the one that this was built
/// for.
int bind_device(World& world);

/// "NCCL 2.30.7, CUDA runtime 13.0", or that this binary has none; says when the library that was
/// loaded is another version.
std::string nccl_description();

}  // namespace enas::comm
