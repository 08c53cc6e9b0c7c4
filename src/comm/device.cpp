// SPDX-License-Identifier: Apache-2.0
#include "comm/device.hpp"

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <array>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::comm {

namespace {

struct Place {
  std::array<char, 256> node{};
  std::array<char, 32> pci_id{};
  bool operator==(const Place&) const = default;
};

/// 23007 is 2.30.7.
std::string nccl_version(int code) {
  return concat(code / 10000, ".", code / 100 % 100, ".", code % 100);
}

int loaded_nccl() {
  int code = 0;
  return ncclGetVersion(&code) == ncclSuccess ? code : 0;
}

std::string version_problem() {
  const int loaded = loaded_nccl();
  if (loaded == NCCL_VERSION_CODE) return {};
  return concat("this binary was built for NCCL ", nccl_version(NCCL_VERSION_CODE),
                ", but the library that was loaded is ", nccl_version(loaded),
                ": put the right one first in LD_LIBRARY_PATH or build again");
}

std::string cuda_problem(const char* operation, cudaError_t error) {
  return error == cudaSuccess ? "" : concat(operation, " failed: ", cudaGetErrorString(error));
}

/// Binds this rank alone. Returns what is wrong, "" for nothing.
std::string bind(const World& world, int& device, Place& place) {
  if (const auto problem = version_problem(); !problem.empty()) return problem;
  const DeviceSurvey survey = survey_devices();
  if (survey.count == 0) return survey.problem;
  // Slurm's --gpus-per-task shows each rank its own GPU alone, as number 0.
  device = survey.count == 1 ? 0 : world.local_rank();
  if (device >= survey.count) {
    return concat("node ", world.node_name(), " has ", survey.count,
                  " CUDA devices and more ranks than that: every rank needs a GPU of its own. "
                  "Start one rank for each GPU, or compute on the CPU (--device cpu)");
  }
  if (const auto problem = cuda_problem("choosing the device", cudaSetDevice(device));
      !problem.empty()) {
    return problem;
  }
  world.node_name().copy(place.node.data(), place.node.size() - 1);
  return cuda_problem(
      "asking for the device's PCI id",
      cudaDeviceGetPCIBusId(place.pci_id.data(), static_cast<int>(place.pci_id.size()), device));
}

}  // namespace

DeviceSurvey survey_devices() {
  DeviceSurvey survey;
  const cudaError_t error = cudaGetDeviceCount(&survey.count);
  if (error != cudaSuccess) {
    survey = {0, concat("there is no CUDA device: ", cudaGetErrorString(error))};
  } else if (survey.count == 0) {
    survey.problem = "there is no CUDA device: none is visible (see CUDA_VISIBLE_DEVICES)";
  }
  return survey;
}

int bind_device(World& world) {
  int device = 0;
  Place mine;
  const std::string problem = bind(world, device, mine);
  if (const auto failure = world.share_failure(
          problem.empty() ? ExitCode::success : ExitCode::missing_input, problem)) {
    throw ConfigError(concat("rank ", failure.rank, ": ", failure.message), failure.code);
  }
  const auto places = world.all_gather_value(mine);
  for (std::size_t second = 0; second < places.size(); ++second) {
    for (std::size_t first = 0; first < second; ++first) {
      if (places[first] != places[second]) continue;
      throw ConfigError(concat("ranks ", first, " and ", second, " both have the GPU ",
                               places[first].pci_id.data(), " of node ", places[first].node.data(),
                               ": every rank needs a GPU of its own. Start one rank for each GPU, "
                               "and let each see its own (CUDA_VISIBLE_DEVICES), or compute on "
                               "the CPU (--device cpu)"),
                        ExitCode::missing_input);
    }
  }
  return device;
}

std::string nccl_description() {
  if (const auto problem = version_problem(); !problem.empty()) return concat("NCCL: ", problem);
  int runtime = 0;
  if (cudaRuntimeGetVersion(&runtime) != cudaSuccess) runtime = 0;
  return concat("NCCL ", nccl_version(NCCL_VERSION_CODE), ", CUDA runtime ", runtime / 1000, ".",
                runtime % 1000 / 10);
}

}  // namespace enas::comm
