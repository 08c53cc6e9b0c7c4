// SPDX-License-Identifier: Apache-2.0
#include "search/training_step.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/clock.hpp"
#include "nn/sgd.hpp"
#include "run/slot_states.hpp"

namespace enas::search {

TrainingStep::TrainingStep(comm::World& world, comm::GradientReducer& reducer,
                           const child::Network& network, WeightOptimizer& optimizer, Task& task,
                           const WeightOptions& options, std::uint64_t seed,
                           std::int64_t total_steps, run::FaultInjector& faults)
    : world_(world),
      reducer_(reducer),
      network_(network),
      optimizer_(optimizer),
      task_(task),
      options_(options),
      seed_(seed),
      total_steps_(total_steps),
      faults_(faults),
      own_(comm::block_of(world.rank(), world.size(), options.slots)) {
  plan_.num_slots = options.slots;
  moved_weights_.resize(network.weights().size());
  std::iota(moved_weights_.begin(), moved_weights_.end(), 0);
  std::vector<int> all(static_cast<std::size_t>(options.slots));
  std::iota(all.begin(), all.end(), 0);
  for (const auto* list : {&network.weights(), &network.averages()}) {
    for (const auto& tensor : *list) {
      plan_.tensors.push_back({plan_.total(), tensor.value.numel(), all});
    }
    if (list == &network.weights()) num_gradients_ = plan_.total();
  }
}

TrainingStepReport TrainingStep::run(TrainingState& state, std::int64_t flags) {
  const TrainingProgress& progress = state.progress;
  const StepPlace place{progress.epoch, progress.index, progress.step};
  if (!run::are_finite(state.slot_state)) flags |= run::kFlagDamaged;
  const Stopwatch whole;
  TrainingStepReport report;
  reducer_.begin(plan_);
  std::vector<run::StepRecord> own;
  for (int slot = own_.begin; slot < own_.end; ++slot) {
    own.push_back(run_slot(slot, place,
                           state.slot_state[static_cast<std::size_t>(slot - own_.begin)], report));
  }

  Stopwatch watch;
  io::Digester digester;
  digester.add_value(static_cast<std::uint64_t>(place.round));
  digester.add_value(static_cast<std::uint64_t>(place.index));
  auto gathered =
      run::gather_records(world_, options_.slots, progress.step, digester.finish(), flags, own);
  report.wait_s = watch.restart();
  report.slots = std::move(gathered.records);
  report.flags = gathered.flags;
  report.num_finite = gathered.num_finite;
  std::int64_t examples = 0;
  for (const auto& record : report.slots) {
    examples += record.count;
    if (record.finite == 0) continue;
    report.loss += record.loss;
    report.accuracy += static_cast<double>(record.correct) / static_cast<double>(record.count);
  }
  // 0/0 is the NaN that stands for no finite slot.
  report.loss /= report.num_finite;
  report.accuracy /= report.num_finite;
  report.lr = scheduled_lr(options_, progress.epoch) * progress.lr_factor * task_.lr_factor(place);
  if (report.num_finite > 0) {
    const auto total = reducer_.reduce();
    report.reduce_s = reducer_.last_cost().seconds;
    watch.restart();
    report.gradient_norm = update(total, report.num_finite, report.lr);
    report.sum_overflowed = !std::isfinite(report.gradient_norm);
    report.update_s = watch.seconds();
  }
  report.examples_per_s = static_cast<double>(examples) / whole.seconds();
  return report;
}

run::StepRecord TrainingStep::run_slot(int slot, const StepPlace& place, at::Tensor& carried,
                                       TrainingStepReport& report) {
  const Stopwatch whole;
  Stopwatch watch;
  faults_.drag(place.step);
  const auto batch = task_.training_batch(place, slot);
  report.data_s += watch.restart();
  const double progress = static_cast<double>(place.step + 1) / static_cast<double>(total_steps_);
  auto pass = network_.train(
      batch, carried,
      {seed_, static_cast<std::uint64_t>(slot), static_cast<std::uint64_t>(place.step)},
      std::min(progress, 1.0));
  faults_.corrupt_gradient(place.step, pass.gradients);
  report.pass_s += watch.restart();

  run::StepRecord record;
  record.item = slot;
  record.step = place.step;
  record.loss = pass.loss;
  record.correct = pass.correct;
  record.count = batch.target.numel();
  record.finite = pack(pass, std::isfinite(pass.loss) && run::is_finite(carried)) ? 1 : 0;
  if (record.finite == 0) carried = network_.initial_state(options_.batch_size);
  reducer_.merge_slot(slot);
  report.pack_s += watch.seconds();
  record.seconds = whole.seconds();
  return record;
}

bool TrainingStep::pack(const nn::Pass& pass, bool finite) {
  const auto buffer = reducer_.slot_buffer();
  const auto place_of = [&](std::size_t tensor) {
    return buffer.subspan(static_cast<std::size_t>(plan_.tensors[tensor].offset),
                          static_cast<std::size_t>(plan_.tensors[tensor].length));
  };
  const auto& weights = network_.weights();
  double squares = 0.0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const bool decays = weights[i].decays || options_.decay_norms;
    squares += nn::pack_with_decay(pass.gradients[i], weights[i].value,
                                   decays ? options_.weight_decay : 0.0, place_of(i));
  }
  for (std::size_t i = 0; i < pass.statistics.size(); ++i) {
    squares += nn::pack_with_decay(pass.statistics[i], network_.averages()[i].value, 0.0,
                                   place_of(weights.size() + i));
  }
  if (finite && std::isfinite(squares)) return true;
  std::fill(buffer.begin(), buffer.begin() + plan_.total(), 0.0F);
  return false;
}

std::span<const float> TrainingStep::part_of(std::span<const float> flat,
                                             std::size_t tensor) const {
  return flat.subspan(static_cast<std::size_t>(plan_.tensors[tensor].offset),
                      static_cast<std::size_t>(plan_.tensors[tensor].length));
}

double TrainingStep::update(std::span<const float> sum, int num_finite, double lr) {
  const double mean = 1.0 / num_finite;
  const double norm =
      std::sqrt(nn::squared_norm(sum.first(static_cast<std::size_t>(num_gradients_)))) * mean;
  if (!std::isfinite(norm)) return norm;
  const double clip = options_.clip_norm;
  const double scale = clip > 0.0 && norm > clip ? mean * clip / norm : mean;
  const std::size_t num_weights = network_.weights().size();
  for (std::size_t i = 0; i < num_weights; ++i) {
    optimizer_.move(static_cast<int>(i), part_of(sum, i), scale, lr);
  }
  const auto& averages = network_.averages();
  for (std::size_t i = 0; i < averages.size(); ++i) {
    float* average = averages[i].value.data_ptr<float>();
    for (const float total : part_of(sum, num_weights + i)) {
      const double statistic = mean * static_cast<double>(total);
      const double moved = static_cast<double>(*average) +
                           child::Network::kMomentum * (statistic - static_cast<double>(*average));
      *average++ = static_cast<float>(moved);
    }
  }
  return norm;
}

}  // namespace enas::search
