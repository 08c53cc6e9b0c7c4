// SPDX-License-Identifier: Apache-2.0
#include "train/compute_device.hpp"

#include <utility>

#include "child/on_device.hpp"
#include "comm/device.hpp"
#include "comm/mpi_reducer.hpp"
#include "comm/nccl_reducer.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "nn/device/device.hpp"

namespace enas::train {

namespace {

/// Why this rank cannot use a GPU; "" when it can.
std::string cuda_problem() {
  const auto survey = comm::survey_devices();
  if (survey.count == 0) return survey.problem;
  if (nn::num_cuda_devices() == 0) return "the LibTorch of this binary was built without CUDA";
  return {};
}

/// Collective. Whether all ranks take GPUs.
bool take_cuda(comm::World& world, Log& log, run::DeviceWish wish) {
  if (wish == run::DeviceWish::cpu) return false;
  const std::string problem = cuda_problem();
  const bool all_can = world.all_agree(problem.empty());
  if (all_can) return true;
  const auto failure =
      world.share_failure(problem.empty() ? ExitCode::success : ExitCode::missing_input, problem);
  const std::string first = concat("rank ", failure.rank, ": ", failure.message);
  if (wish == run::DeviceWish::cuda) {
    throw ConfigError(concat("--device cuda: ", first, "; use --device cpu or auto"), failure.code);
  }
  if (!world.all_agree(!problem.empty())) {
    log.warn(concat("all ranks compute on the CPU although some have a GPU, because of ", first));
  }
  return false;
}

void check_cpu_precision(Log& log, nn::Precision precision, space::SpaceKind kind,
                         const char* key) {
  if (precision == nn::Precision::tf32) {
    log.warn(concat(key, " = \"tf32\" is for GPUs: on the CPU products are computed in float32"));
  }
  if (precision == nn::Precision::bfloat16 && space::is_of_images(kind)) {
    throw ConfigError(concat(key,
                             " = \"bfloat16\" of image networks needs a GPU, and this run "
                             "computes on the CPU: set it to \"float32\""));
  }
}

}  // namespace

std::string gpu_description() {
  const std::string problem = cuda_problem();
  return problem.empty() ? concat(comm::survey_devices().count, " CUDA devices")
                         : concat("none can be used: ", problem);
}

ComputeDevice::ComputeDevice(comm::World& world, Log& log, run::DeviceWish wish,
                             nn::Precision precision, space::SpaceKind kind,
                             const char* precision_key)
    : is_cuda_(take_cuda(world, log, wish)) {
  if (!is_cuda_) {
    check_cpu_precision(log, precision, kind, precision_key);
    return;
  }
  number_ = comm::bind_device(world);
  nn::set_cuda_products(precision);
  // Recurrent networks have bfloat16 products of their own.
  bfloat16_ = precision == nn::Precision::bfloat16 && space::is_of_images(kind);
}

std::string ComputeDevice::text() const {
  return is_cuda_ ? concat("CUDA, ", comm::nccl_description()) : "CPU";
}

std::unique_ptr<comm::GradientReducer> ComputeDevice::make_reducer(comm::World& world, int slots,
                                                                   double timeout_s) const {
  world.require_all_ranks("making a reducer");  // which communicates on GPUs alone
  if (is_cuda_) return comm::make_nccl_reducer(world, slots, timeout_s);
  return std::make_unique<comm::MpiReducer>(world, slots);
}

std::unique_ptr<child::Network> ComputeDevice::place(
    std::unique_ptr<child::Network> network) const {
  if (!is_cuda_) return network;
  const at::Device device(at::kCUDA, static_cast<at::DeviceIndex>(number_));
  return std::make_unique<child::OnDevice>(std::move(network), device, bfloat16_);
}

}  // namespace enas::train
