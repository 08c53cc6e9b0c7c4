// SPDX-License-Identifier: Apache-2.0
#include "app/machine/mkl_fast_path.hpp"

#include <dlfcn.h>

#include <atomic>
#include <fstream>

#include "app/machine/switches.hpp"

namespace enas::app {
namespace {

bool is_wanted() { return is_switched_on("ENAS_HPC_MKL_FAST_PATH"); }

bool is_intel() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("vendor_id")) return line.find("GenuineIntel") != std::string::npos;
  }
  return false;
}

/// How often MKL asked: it can only have reached us when our symbols are the ones it is bound to.
std::atomic<int> questions = 0;

int answer(const char* name) {
  ++questions;
  if (is_wanted()) return 1;
  using Question = int (*)();
  const auto original = reinterpret_cast<Question>(dlsym(RTLD_NEXT, name));
  return original == nullptr ? 0 : original();
}

}  // namespace

std::string mkl_fast_path_state() {
  const std::string wanted = is_wanted() ? "interposed" : "switched off (ENAS_HPC_MKL_FAST_PATH=0)";
  if (questions == 0) return "not bound: LibTorch's MKL did not ask";
  return is_intel() ? wanted + ", not needed on this CPU" : wanted;
}

}  // namespace enas::app

// The names are MKL's. Found before MKL's own since an executable comes first in symbol look-up.
extern "C" {
int mkl_serv_intel_cpu_true();
int mkl_serv_intel_cpu();

int mkl_serv_intel_cpu_true() { return enas::app::answer("mkl_serv_intel_cpu_true"); }
int mkl_serv_intel_cpu() { return enas::app::answer("mkl_serv_intel_cpu"); }
}
