// SPDX-License-Identifier: Apache-2.0
// Sums over all ranks by NCCL. Every wait has a time limit, also that for NCCL to abort.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "comm/world.hpp"

namespace enas::comm {

/// A non-blocking communicator over the ranks' current devices; bind_device() comes first. All work
/// goes to the default stream, which is LibTorch's as well.
class NcclCommunicator {
 public:
  /// Collective. Throws ConfigError alike on every rank when one of them fails or is not there
  /// within `timeout_s`.
  NcclCommunicator(World& world, double timeout_s);
  /// Collective, unless an exception is unwinding: then everything is left to the end of the
  /// process, which never hangs.
  ~NcclCommunicator();
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  /// Collective. values[i] ← sum over the ranks' values[i], in device memory. Returns when that is
  /// done. When NCCL reports an error, or nothing for `timeout_s`, the communicator is aborted and
  /// SystemError (79) thrown; when the abort hangs as well, the process ends here with 79.
  void sum(float* values, std::int64_t count);

 private:
  struct Handle;
  void initialise(const std::byte* id);
  void wait_for_stream(const std::string& operation);
  [[noreturn]] void give_up(const std::string& reason);

  World& world_;
  const double timeout_s_;
  std::unique_ptr<Handle> handle_;
};

}  // namespace enas::comm
