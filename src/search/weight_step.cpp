// SPDX-License-Identifier: Apache-2.0
#include "search/weight_step.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/clock.hpp"
#include "nn/sgd.hpp"
#include "run/slot_states.hpp"

namespace enas::search {

WeightStep::WeightStep(comm::World& world, comm::GradientReducer& reducer,
                       const supernet::Supernet& supernet, WeightOptimizer& optimizer, Task& task,
                       const Settings& settings, run::FaultInjector& faults)
    : world_(world),
      reducer_(reducer),
      supernet_(supernet),
      optimizer_(optimizer),
      task_(task),
      settings_(settings),
      faults_(faults),
      own_(comm::block_of(world.rank(), world.size(), settings.weights.slots)),
      tensor_of_(supernet.weights().size()) {}

WeightStepReport WeightStep::run(SearchState& state, std::int64_t flags) {
  const Progress& progress = state.progress;
  const StepPlace place{progress.round, progress.index, progress.step};
  if (!run::are_finite(state.slot_state)) flags |= run::kFlagDamaged;
  const int slots = settings_.weights.slots;
  const Stopwatch whole;
  WeightStepReport report;
  for (int slot = 0; slot < slots; ++slot) {
    report.children.push_back(state.children.child(supernet_.space_id(), slot, progress.index));
  }
  plan_union(report.children);
  reducer_.begin(plan_);

  std::vector<run::StepRecord> own;
  for (int slot = own_.begin; slot < own_.end; ++slot) {
    own.push_back(run_slot(slot, report.children[static_cast<std::size_t>(slot)], place,
                           state.slot_state[static_cast<std::size_t>(slot - own_.begin)], report));
  }

  Stopwatch watch;
  io::Digester digester;
  digester.add_value(static_cast<std::uint64_t>(place.round));
  digester.add_value(static_cast<std::uint64_t>(place.index));
  for (const auto& child : report.children) digester.add_values(std::span(child.tokens));
  auto gathered = run::gather_records(world_, slots, progress.step, digester.finish(), flags, own);
  report.wait_s = watch.restart();

  report.slots = std::move(gathered.records);
  report.flags = gathered.flags;
  report.num_finite = gathered.num_finite;
  report.touched = union_weights_;
  report.lr =
      scheduled_lr(settings_.weights, progress.round) * progress.lr_factor * task_.lr_factor(place);
  summarise(report);
  if (report.num_finite > 0 && !faults_.skips_sum(place.step)) {
    const auto total = reducer_.reduce();
    report.reduce_s = reducer_.last_cost().seconds;
    watch.restart();
    report.gradient_norm = update(total, report.num_finite, report.lr);
    report.sum_overflowed = !std::isfinite(report.gradient_norm);
    report.update_s = watch.seconds();
  }
  std::int64_t examples = 0;
  for (const auto& record : report.slots) examples += record.count;
  report.examples_per_s = static_cast<double>(examples) / whole.seconds();
  return report;
}

/// Loss and metric, means over the finite slots.
void WeightStep::summarise(WeightStepReport& report) const {
  double loss = 0.0;
  double accuracy = 0.0;
  for (const auto& record : report.slots) {
    if (!record.finite) continue;
    loss += record.loss;
    accuracy += static_cast<double>(record.correct) / static_cast<double>(record.count);
  }
  // 0/0 is the NaN that stands for no finite slot.
  report.loss = loss / report.num_finite;
  report.metric = task_.metric().of(report.loss, accuracy / report.num_finite);
}

void WeightStep::plan_union(const std::vector<space::Architecture>& children) {
  touched_.clear();
  std::vector<std::pair<int, int>> users;  // weight, slot
  for (const auto& child : children) {
    const auto slot = static_cast<int>(touched_.size());
    touched_.push_back(supernet_.touched(child));
    for (const int weight : touched_.back()) users.emplace_back(weight, slot);
  }
  std::sort(users.begin(), users.end());
  plan_ = {static_cast<int>(children.size()), {}};
  union_weights_.clear();
  for (const auto& [weight, slot] : users) {
    if (union_weights_.empty() || union_weights_.back() != weight) {
      const auto number = static_cast<std::size_t>(weight);
      tensor_of_[number] = static_cast<int>(union_weights_.size());
      union_weights_.push_back(weight);
      plan_.tensors.push_back({plan_.total(), supernet_.weights()[number].value.numel(), {}});
    }
    plan_.tensors.back().slots.push_back(slot);
  }
}

run::StepRecord WeightStep::run_slot(int slot, const space::Architecture& child,
                                     const StepPlace& place, at::Tensor& carried,
                                     WeightStepReport& report) {
  const Stopwatch whole;
  Stopwatch watch;
  faults_.drag(place.step);
  const auto batch = task_.training_batch(place, slot);
  report.data_s += watch.restart();
  auto result = supernet_.gradient(child, batch, carried,
                                   {settings_.run.seed, static_cast<std::uint64_t>(slot),
                                    static_cast<std::uint64_t>(place.step)});
  report.forward_s += result.forward_s;
  report.backward_s += result.backward_s;
  faults_.corrupt_gradient(place.step, result.gradients);

  watch.restart();
  run::StepRecord record;
  record.item = slot;
  record.step = place.step;
  record.loss = result.loss;
  record.correct = result.correct;
  record.count = batch.target.numel();
  const auto& touched = touched_[static_cast<std::size_t>(slot)];
  const bool finite = std::isfinite(result.loss) && run::is_finite(carried);
  record.finite = pack_slot(touched, result.gradients, finite) ? 1 : 0;
  if (!record.finite) carried = supernet_.initial_state(settings_.weights.batch_size);
  reducer_.merge_slot(slot);
  report.pack_s += watch.seconds();
  record.seconds = whole.seconds();
  return record;
}

bool WeightStep::pack_slot(const std::vector<int>& touched,
                           const std::vector<at::Tensor>& gradients, bool finite) {
  const auto buffer = reducer_.slot_buffer();
  const auto place_of = [&](int weight) {
    const auto tensor = static_cast<std::size_t>(tensor_of_[static_cast<std::size_t>(weight)]);
    return buffer.subspan(static_cast<std::size_t>(plan_.tensors[tensor].offset),
                          static_cast<std::size_t>(plan_.tensors[tensor].length));
  };
  slot_norm_ = 0.0;
  for (std::size_t i = 0; i < touched.size(); ++i) {
    const auto& weight = supernet_.weights()[static_cast<std::size_t>(touched[i])];
    const bool decays = weight.decays || settings_.weights.decay_norms;
    slot_norm_ +=
        nn::pack_with_decay(gradients[i], weight.value,
                            decays ? settings_.weights.weight_decay : 0.0, place_of(touched[i]));
  }
  if (finite && std::isfinite(slot_norm_)) return true;
  for (const int weight : touched) {
    const auto place = place_of(weight);
    std::fill(place.begin(), place.end(), 0.0F);
  }
  return false;
}

double WeightStep::update(std::span<const float> sum, int num_finite, double lr) {
  const double mean = 1.0 / num_finite;
  // One slot's gradient is the sum.
  const double squared_norm = plan_.num_slots == 1 ? slot_norm_ : nn::squared_norm(sum);
  const double norm = std::sqrt(squared_norm) * mean;
  if (!std::isfinite(norm)) return norm;
  const double clip = settings_.weights.clip_norm;
  const double scale = clip > 0.0 && norm > clip ? mean * clip / norm : mean;
  for (std::size_t i = 0; i < plan_.tensors.size(); ++i) {
    const auto& tensor = plan_.tensors[i];
    optimizer_.move(union_weights_[i],
                    sum.subspan(static_cast<std::size_t>(tensor.offset),
                                static_cast<std::size_t>(tensor.length)),
                    scale, lr);
  }
  return norm;
}

}  // namespace enas::search
