// SPDX-License-Identifier: Apache-2.0
#include "search/fault.hpp"

#include <ATen/ops/full_like.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <sstream>
#include <string_view>
#include <thread>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::search {

namespace {
constexpr std::array<std::string_view, 16> kKinds = {
    "kill",        "abort",        "segv",          "throw",         "hang",
    "slow",        "slow_forever", "skip_sum",      "nan",           "nan_forever",
    "flip_weight", "flip_idle",    "flip_momentum", "flip_strategy", "flip_moment",
    "huge"};
constexpr std::chrono::milliseconds kDrag(200);
constexpr float kHuge = 3e38F;  // a float; twice of it is none
}  // namespace

std::string fault_of_environment() {
  const char* value = std::getenv("ENAS_FAULT");
  return value != nullptr ? value : "";
}

FaultInjector::FaultInjector(const std::string& text, int rank) : rank_(rank) {
  if (text.empty()) return;
  std::istringstream in(text);
  char first = 0;
  char second = 0;
  in >> fault_rank_ >> first >> fault_step_ >> second >> kind_;
  const bool known = std::find(kKinds.begin(), kKinds.end(), kind_) != kKinds.end();
  const bool complete = in && (in >> std::ws).eof();
  if (!complete || first != ':' || second != ':' || !known) {
    throw ConfigError(concat("ENAS_FAULT is '", text,
                             "'; expected rank:step:kind with kind one of ", join(kKinds, ", ")));
  }
}

bool FaultInjector::fires(std::int64_t step, const char* kind) {
  if (fired_ || rank_ != fault_rank_ || step != fault_step_ || kind_ != kind) return false;
  fired_ = true;
  return true;
}

void FaultInjector::strike(std::int64_t step) {
  if (fires(step, "kill")) std::raise(SIGKILL);
  if (fires(step, "abort")) std::raise(SIGABRT);
  if (fires(step, "segv")) std::raise(SIGSEGV);
  if (fires(step, "throw")) {
    throw SystemError(concat("injected failure at step ", step), ExitCode::internal);
  }
  if (fires(step, "slow")) std::this_thread::sleep_for(std::chrono::seconds(2));
  if (fires(step, "hang")) {
    while (true) std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

void FaultInjector::drag(std::int64_t step) const {
  if (kind_ != "slow_forever" || rank_ != fault_rank_ || step < fault_step_) return;
  std::this_thread::sleep_for(kDrag);
}

void FaultInjector::corrupt_gradient(std::int64_t step, std::vector<at::Tensor>& gradients) {
  const bool forever = kind_ == "nan_forever" && step >= fault_step_;
  const bool huge = kind_ == "huge" && step == fault_step_;
  if (!forever && !huge && !fires(step, "nan")) return;
  const float value = huge ? kHuge : std::numeric_limits<float>::quiet_NaN();
  for (auto& gradient : gradients) gradient = at::full_like(gradient, value);
}

void FaultInjector::flip_bit(std::int64_t step, const char* kind, std::vector<NamedArray> arrays) {
  if (arrays.empty() || !fires(step, kind)) return;
  const auto bytes = arrays.front().bytes();
  bytes[bytes.size() / 2] ^= std::byte{4};
}

}  // namespace enas::search
