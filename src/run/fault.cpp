// SPDX-License-Identifier: Apache-2.0
#include "run/fault.hpp"

#include <ATen/ops/full_like.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <thread>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::run {

namespace {

constexpr std::array<std::string_view, 11> kKinds = {
    "kill",         "abort",    "segv", "throw",       "hang", "slow",
    "slow_forever", "skip_sum", "nan",  "nan_forever", "huge"};
constexpr std::array<std::string_view, 10> kFlips = {
    "flip_weight", "flip_idle",     "flip_momentum", "flip_carried", "flip_strategy",
    "flip_moment", "flip_baseline", "flip_average",  "flip_mean",    "flip_best"};
constexpr std::array<std::string_view, 3> kMoments = {"round", "save", "stop"};
constexpr std::string_view kForever = "_forever";
constexpr std::string_view kExponent = "exponent";
constexpr int kAllOfExponent = -1;
constexpr int kDefaultBit = 18;  // of a float: changes it by some percent
constexpr int kMostBits = 64;
constexpr std::chrono::milliseconds kDrag(200);
constexpr float kHuge = 3e38F;  // a float; twice of it is none

template <typename List>
bool contains(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t colon = 0; (colon = text.find(':')) != std::string_view::npos;) {
    parts.push_back(text.substr(0, colon));
    text.remove_prefix(colon + 1);
  }
  parts.push_back(text);
  return parts;
}

/// The whole number, not negative, that makes up all of `text`.
std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = error == std::errc() && end == text.data() + text.size() && value >= 0;
  return is_whole ? std::optional(value) : std::nullopt;
}

/// Changes the value in the middle: one bit, or all of the exponent's.
template <typename T>
void damage(std::span<T> values, int bit) {
  constexpr int num_bits = 8 * static_cast<int>(sizeof(T));
  expect(bit < num_bits, concat("the value that ENAS_FAULT flips has ", num_bits, " bits"));
  const auto bytes = std::as_writable_bytes(values.subspan(values.size() / 2, 1));
  const auto mask = [](int number) { return std::byte{1} << (number % 8); };
  const auto byte_of = [&](int number) -> std::byte& {
    return bytes[static_cast<std::size_t>(number / 8)];
  };
  if (bit != kAllOfExponent) {
    byte_of(bit) ^= mask(bit);
    return;
  }
  for (int i = std::numeric_limits<T>::digits - 1; i < num_bits - 1; ++i) byte_of(i) |= mask(i);
}

}  // namespace

std::string fault_of_environment() {
  const char* value = std::getenv("ENAS_FAULT");
  return value != nullptr ? value : "";
}

FaultInjector::FaultInjector(const std::string& text, int rank) : rank_(rank) {
  if (text.empty()) return;
  const auto parts = parts_of(text);
  const auto part = [&](std::size_t i) { return i < parts.size() ? parts[i] : ""; };
  const auto fault_rank = whole_number(part(0));
  fault_step_ = whole_number(part(1));
  kind_ = part(2);
  bool is_flip = contains(kFlips, kind_);
  if (!is_flip && kind_.ends_with(kForever)) {
    const std::string once = kind_.substr(0, kind_.size() - kForever.size());
    is_flip = is_repeated_ = contains(kFlips, once);
    if (is_flip) kind_ = once;
  }
  if (is_flip && contains(kMoments, part(1))) fault_moment_ = part(1);
  const auto bit = parts.size() == 4 ? whole_number(part(3)) : kDefaultBit;
  const bool sets_exponent = part(3) == kExponent;
  const bool has_time = fault_step_ || !fault_moment_.empty();
  const bool has_bit = is_flip ? sets_exponent || (bit && *bit < kMostBits) : parts.size() == 3;
  if (!fault_rank || !has_time || !(is_flip || contains(kKinds, kind_)) || !has_bit ||
      parts.size() > 4) {
    throw ConfigError(
        concat("ENAS_FAULT is '", text, "'; expected rank:step:kind with kind one of ",
               join(kKinds, ", "), "; or rank:when:kind:bit with kind one of ", join(kFlips, ", "),
               ", with or without ", kForever, " after it, when a step, ", join(kMoments, ", "),
               ", and bit 0 to ", kMostBits - 1, ", ", kExponent, " or left out"));
  }
  fault_rank_ = static_cast<int>(*fault_rank);
  bit_ = sets_exponent ? kAllOfExponent : static_cast<int>(*bit);
}

bool FaultInjector::fires(std::int64_t step, std::string_view kind) {
  if (fired_ || rank_ != fault_rank_ || fault_step_ != step || kind_ != kind) return false;
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

bool FaultInjector::has_come(const FaultMoment& moment) const {
  if (fault_step_) return is_repeated_ ? moment.step >= *fault_step_ : moment.step == *fault_step_;
  return (fault_moment_ == "round" && moment.ends_round) ||
         (fault_moment_ == "save" && moment.saves) || (fault_moment_ == "stop" && moment.stops);
}

void FaultInjector::flip(const FaultMoment& moment, const std::vector<FlipTarget>& targets) {
  if (!is_armed() || !has_come(moment)) return;
  for (const auto& target : targets) {
    if (target.kind != kind_ || target.arrays.empty()) continue;
    if (target.arrays.front().bytes().empty()) continue;
    std::visit([this](auto values) { damage(values, bit_); }, target.arrays.front().values);
    fired_ = !is_repeated_;
  }
}

}  // namespace enas::run
