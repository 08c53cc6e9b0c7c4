// SPDX-License-Identifier: Apache-2.0
// The functions of device.hpp and nccl_reducer.hpp in a program that was built without NCCL.
#include "comm/device.hpp"
#include "comm/nccl_reducer.hpp"
#include "core/error.hpp"

namespace enas::comm {

namespace {

constexpr const char* kProblem = "this binary was built without NCCL and CUDA (see docs/gpu.md)";

}  // namespace

DeviceSurvey survey_devices() { return {0, kProblem}; }

int bind_device(World&) { throw ConfigError(kProblem, ExitCode::missing_input); }

std::string nccl_description() { return "NCCL: not built in"; }

std::unique_ptr<GradientReducer> make_nccl_reducer(World&, int, double) {
  throw ConfigError(kProblem, ExitCode::missing_input);
}

}  // namespace enas::comm
