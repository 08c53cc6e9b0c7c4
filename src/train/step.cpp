// SPDX-License-Identifier: Apache-2.0
#include "train/step.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "child/network.hpp"
#include "core/clock.hpp"
#include "nn/sgd.hpp"
#include "run/slot_states.hpp"

namespace enas::train {

Step::Step(comm::World& world, comm::GradientReducer& reducer, const Trainee& trainee,
           task::Task& task, const StepOptions& options, run::FaultInjector& faults)
    : world_(world),
      reducer_(reducer),
      trainee_(trainee),
      task_(task),
      options_(options),
      faults_(faults),
      optimizer_(trainee.weights(), options),
      own_(comm::block_of(world.rank(), world.size(), options.slots)),
      tensor_of_(trainee.weights().size()) {}

StepReport Step::run(const task::StepPlace& place, double lr_factor,
                     std::vector<at::Tensor>& carried, std::int64_t flags) {
  if (!run::are_finite(carried)) flags |= run::kFlagDamaged;
  const Stopwatch whole;
  StepReport report;
  plan_union(place);
  reducer_.begin(plan_);
  std::vector<run::StepRecord> own;
  for (int slot = own_.begin; slot < own_.end; ++slot) {
    own.push_back(
        run_slot(slot, place, carried[static_cast<std::size_t>(slot - own_.begin)], report));
  }

  Stopwatch watch;
  io::Digester digester;
  digester.add_value(static_cast<std::uint64_t>(place.round));
  digester.add_value(static_cast<std::uint64_t>(place.index));
  trainee_.add_to(digester, options_.slots, place);
  auto gathered =
      run::gather_records(world_, options_.slots, place.step, digester.finish(), flags, own);
  report.wait_s = watch.restart();

  report.slots = std::move(gathered.records);
  report.flags = gathered.flags;
  report.num_finite = gathered.num_finite;
  report.touched = union_weights_;
  report.lr = scheduled_lr(options_, place.round) * lr_factor * task_.lr_factor(place);
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

std::vector<at::Tensor> Step::initial_states() const {
  std::vector<at::Tensor> states;
  for (int i = 0; i < own_.size(); ++i) {
    states.push_back(trainee_.initial_state(options_.batch_size));
  }
  return states;
}

/// Loss and accuracy, means over the finite slots.
void Step::summarise(StepReport& report) const {
  for (const auto& record : report.slots) {
    if (record.finite == 0) continue;
    report.loss += record.loss;
    report.accuracy += static_cast<double>(record.correct) / static_cast<double>(record.count);
  }
  // 0/0 is the NaN that stands for no finite slot.
  report.loss /= report.num_finite;
  report.accuracy /= report.num_finite;
}

/// The weights that any slot touches, ascending, each with its slots; then the running averages, of
/// which every slot has statistics.
void Step::plan_union(const task::StepPlace& place) {
  touched_.clear();
  std::vector<std::pair<int, int>> users;  // weight, slot
  for (int slot = 0; slot < options_.slots; ++slot) {
    touched_.push_back(trainee_.touched(slot, place));
    for (const int weight : touched_.back()) users.emplace_back(weight, slot);
  }
  std::sort(users.begin(), users.end());
  plan_ = {options_.slots, {}};
  union_weights_.clear();
  for (const auto& [weight, slot] : users) {
    if (union_weights_.empty() || union_weights_.back() != weight) {
      const auto number = static_cast<std::size_t>(weight);
      tensor_of_[number] = static_cast<int>(union_weights_.size());
      union_weights_.push_back(weight);
      plan_.tensors.push_back({plan_.total(), trainee_.weights()[number].value.numel(), {}});
    }
    plan_.tensors.back().slots.push_back(slot);
  }
  num_gradients_ = plan_.total();
  std::vector<int> all(static_cast<std::size_t>(options_.slots));
  std::iota(all.begin(), all.end(), 0);
  for (const auto& average : trainee_.averages()) {
    plan_.tensors.push_back({plan_.total(), average.value.numel(), all});
  }
}

run::StepRecord Step::run_slot(int slot, const task::StepPlace& place, at::Tensor& carried,
                               StepReport& report) {
  const Stopwatch whole;
  Stopwatch watch;
  faults_.drag(place.step);
  const auto batch = task_.training_batch(place, slot);
  report.data_s += watch.restart();
  auto pass = trainee_.pass(slot, place, batch, carried);
  report.forward_s += pass.forward_s;
  report.backward_s += pass.backward_s;
  faults_.corrupt_gradient(place.step, pass.gradients);

  watch.restart();
  run::StepRecord record;
  record.item = slot;
  record.step = place.step;
  record.loss = pass.loss;
  record.correct = pass.correct;
  record.count = batch.target.numel();
  const bool finite = std::isfinite(pass.loss) && run::is_finite(carried);
  record.finite = pack_slot(slot, pass, finite) ? 1 : 0;
  if (record.finite == 0) carried = trainee_.initial_state(options_.batch_size);
  reducer_.merge_slot(slot);
  report.pack_s += watch.seconds();
  record.seconds = whole.seconds();
  return record;
}

bool Step::pack_slot(int slot, const nn::Pass& pass, bool finite) {
  const auto buffer = reducer_.slot_buffer();
  const auto& touched = touched_[static_cast<std::size_t>(slot)];
  const auto place_of = [&](int weight) {
    return part_of(buffer, static_cast<std::size_t>(tensor_of_[static_cast<std::size_t>(weight)]));
  };
  slot_norm_ = 0.0;
  for (std::size_t i = 0; i < touched.size(); ++i) {
    const auto& weight = trainee_.weights()[static_cast<std::size_t>(touched[i])];
    const bool decays = weight.decays || options_.decay_norms;
    slot_norm_ += nn::pack_with_decay(pass.gradients[i], weight.value,
                                      decays ? options_.weight_decay : 0.0, place_of(touched[i]));
  }
  double statistics = 0.0;
  const auto averages = buffer.subspan(static_cast<std::size_t>(num_gradients_));
  for (std::size_t i = 0; i < pass.statistics.size(); ++i) {
    statistics += nn::pack_with_decay(pass.statistics[i], trainee_.averages()[i].value, 0.0,
                                      part_of(buffer, union_weights_.size() + i));
  }
  if (finite && std::isfinite(slot_norm_ + statistics)) return true;
  for (const int weight : touched) {
    const auto values = place_of(weight);
    std::fill(values.begin(), values.end(), 0.0F);
  }
  std::fill(averages.begin(), averages.end(), 0.0F);
  return false;
}

template <typename T>
std::span<T> Step::part_of(std::span<T> flat, std::size_t tensor) const {
  return flat.subspan(static_cast<std::size_t>(plan_.tensors[tensor].offset),
                      static_cast<std::size_t>(plan_.tensors[tensor].length));
}

double Step::update(std::span<const float> sum, int num_finite, double lr) {
  const double mean = 1.0 / num_finite;
  // One slot's gradient is the sum.
  const double squared_norm =
      plan_.num_slots == 1 ? slot_norm_
                           : nn::squared_norm(sum.first(static_cast<std::size_t>(num_gradients_)));
  const double norm = std::sqrt(squared_norm) * mean;
  if (!std::isfinite(norm)) return norm;
  const double clip = options_.clip_norm;
  const double scale = clip > 0.0 && norm > clip ? mean * clip / norm : mean;
  for (std::size_t i = 0; i < union_weights_.size(); ++i) {
    optimizer_.move(union_weights_[i], part_of(sum, i), scale, lr);
  }
  move_averages(sum, mean);
  return norm;
}

/// average ← (1 − kMomentum) average + kMomentum · mean statistic.
void Step::move_averages(std::span<const float> sum, double mean) const {
  const auto& averages = trainee_.averages();
  for (std::size_t i = 0; i < averages.size(); ++i) {
    float* average = averages[i].value.data_ptr<float>();
    for (const float total : part_of(sum, union_weights_.size() + i)) {
      const double old = *average;
      const double statistic = mean * static_cast<double>(total);
      *average++ = static_cast<float>(old + child::Network::kMomentum * (statistic - old));
    }
  }
}

}  // namespace enas::train
