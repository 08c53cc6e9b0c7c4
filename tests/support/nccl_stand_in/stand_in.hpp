// SPDX-License-Identifier: Apache-2.0
// A stand-in for libcudart and libnccl on machines without a GPU: just the functions that
// src/comm calls, on host memory, for ranks of one node. It shows that the caller keeps the rules
// of the real libraries; it says nothing about their order of sums, their speed or their networks.
//
// Set by the environment, all optional:
//   ENAS_STAND_IN_DEVICES       number of devices that a process sees (8)
//   ENAS_STAND_IN_PCI           "same": all devices have one PCI id
//   ENAS_STAND_IN_NCCL_VERSION  what ncclGetVersion says
//   ENAS_STAND_IN_FAULT         RANK:CALL:KIND. KIND is "error" (asynchronous) or "hang" (never
//                               ends) of this rank's CALLth all-reduce from 1, or "start" (fails in
//                               initialisation; CALL is 0)
//   ENAS_STAND_IN_ABORT         "hang": ncclCommAbort never returns
#pragma once

#include <cstdlib>
#include <functional>
#include <string>

namespace stand_in {

inline std::string setting(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Where the values of device memory really are. Ends the process when `device_memory` is no device
/// memory or a part of it lies outside of one allocation.
void* hidden(const void* device_memory, std::size_t bytes);

/// PCI id of the calling thread's current device.
std::string pci_id();

/// Puts work at the end of the default stream, which a thread of its own works off.
void queue_on_stream(std::function<void()> work);

}  // namespace stand_in
