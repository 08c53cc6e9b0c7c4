// SPDX-License-Identifier: Apache-2.0
#include "search/rollout_exchange.hpp"

#include <cmath>
#include <cstring>

#include "core/error.hpp"

namespace enas::search {

namespace {

template <typename T>
void put(std::vector<std::byte>& out, const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

template <typename T>
T take(std::span<const std::byte>& in) {
  expect(in.size() >= sizeof(T), "a rollout arrived whole");
  T value;
  std::memcpy(&value, in.data(), sizeof(T));
  in = in.subspan(sizeof(T));
  return value;
}

}  // namespace

space::Rollout rollout_of(const space::Architecture& child, const nn::Score& score,
                          const task::Metric& metric) {
  const double value = metric.of(score.loss(), score.accuracy());
  // A network of NaN outputs still has an accuracy, and a huge loss no finite perplexity.
  const bool finite = std::isfinite(score.loss()) && std::isfinite(value);
  return {child, score.loss(), value,
          finite ? space::RolloutStatus::ok : space::RolloutStatus::not_finite};
}

run::StepRecord record_of(const space::Rollout& rollout, int item, std::int64_t step) {
  run::StepRecord record;
  record.item = item;
  record.step = step;
  record.loss = rollout.loss;
  record.finite = rollout.status == space::RolloutStatus::ok ? 1 : 0;
  return record;
}

std::vector<space::Rollout> all_gather_rollouts(comm::World& world,
                                                const std::vector<space::Rollout>& own,
                                                const std::string& space_id) {
  std::vector<std::byte> bytes;
  for (const auto& rollout : own) {
    put(bytes, rollout.loss);
    put(bytes, rollout.metric);
    put(bytes, rollout.status);
    put(bytes, static_cast<std::int32_t>(rollout.architecture.tokens.size()));
    for (const auto token : rollout.architecture.tokens) put(bytes, token);
  }
  std::vector<space::Rollout> all;
  for (const auto& piece : world.all_gather_varied(bytes)) {
    std::span<const std::byte> in = piece;
    while (!in.empty()) {
      space::Rollout rollout;
      rollout.loss = take<double>(in);
      rollout.metric = take<double>(in);
      rollout.status = take<space::RolloutStatus>(in);
      rollout.architecture.space_id = space_id;
      const auto length = take<std::int32_t>(in);
      for (std::int32_t i = 0; i < length; ++i) {
        rollout.architecture.tokens.push_back(take<std::int32_t>(in));
      }
      all.push_back(std::move(rollout));
    }
  }
  return all;
}

}  // namespace enas::search
