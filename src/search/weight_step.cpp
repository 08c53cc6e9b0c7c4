// SPDX-License-Identifier: Apache-2.0
#include "search/weight_step.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/clock.hpp"
#include "nn/sgd.hpp"

namespace enas::search {

WeightStep::WeightStep(comm::World& world, comm::GradientReducer& reducer,
                       const supernet::Supernet& supernet, const data::TokenColumns& columns,
                       const Settings& settings, FaultInjector& faults)
    : world_(world),
      reducer_(reducer),
      supernet_(supernet),
      columns_(columns),
      settings_(settings),
      faults_(faults),
      own_(comm::block_of(world.rank(), world.size(), settings.weights.slots)) {}

WeightStepReport WeightStep::run(SearchState& state, const data::Segment& segment,
                                 std::int64_t flags) {
  const Progress& progress = state.progress;
  const int slots = settings_.weights.slots;
  const Stopwatch whole;
  Stopwatch watch;
  WeightStepReport report;
  for (int slot = 0; slot < slots; ++slot) {
    report.children.push_back(state.children.child(supernet_.space_id(), slot, progress.index));
  }
  plan_union(report.children);
  reducer_.begin(plan_);

  std::vector<StepRecord> own;
  for (int slot = own_.begin; slot < own_.end; ++slot) {
    own.push_back(run_slot(slot, report.children[static_cast<std::size_t>(slot)], segment,
                           progress.step,
                           state.slot_state[static_cast<std::size_t>(slot - own_.begin)]));
  }
  report.compute_s = watch.restart();

  io::Digester digester;
  digester.add_value(static_cast<std::uint64_t>(segment.position));
  digester.add_value(static_cast<std::uint64_t>(segment.length));
  for (const auto& child : report.children) digester.add_values(std::span(child.tokens));
  auto gathered = gather_records(world_, slots, progress.step, digester.finish(), flags, own);
  report.wait_s = watch.restart();

  report.slots = std::move(gathered.records);
  report.flags = gathered.flags;
  report.num_finite = gathered.num_finite;
  report.touched = union_weights_;
  report.lr = learning_rate(progress, segment);
  report.loss = std::numeric_limits<double>::quiet_NaN();
  if (report.num_finite > 0) {
    double sum = 0.0;
    for (const auto& record : report.slots) sum += record.finite ? record.value : 0.0;
    report.loss = sum / report.num_finite;
    const auto total = reducer_.reduce();
    report.reduce_s = reducer_.last_cost().seconds;
    watch.restart();
    report.gradient_norm = update(total, report.num_finite, report.lr);
    // Finite gradients whose sum is not: nothing moved, the step counts as one without a finite slot.
    if (!std::isfinite(report.gradient_norm)) report.num_finite = 0;
    report.compute_s += watch.seconds();
  }
  std::int64_t tokens = 0;
  for (const auto& record : report.slots) tokens += record.count;
  report.tokens_per_s = static_cast<double>(tokens) / whole.seconds();
  return report;
}

void WeightStep::plan_union(const std::vector<space::Architecture>& children) {
  std::map<int, std::vector<int>> slots_of_weight;
  touched_.clear();
  for (std::size_t slot = 0; slot < children.size(); ++slot) {
    touched_.push_back(supernet_.touched(children[slot]));
    for (const int weight : touched_.back()) {
      slots_of_weight[weight].push_back(static_cast<int>(slot));
    }
  }
  plan_.num_slots = static_cast<int>(children.size());
  plan_.tensors.clear();
  union_weights_.clear();
  std::int64_t offset = 0;
  for (auto& [weight, slots] : slots_of_weight) {
    const auto length = supernet_.weights()[static_cast<std::size_t>(weight)].value.numel();
    plan_.tensors.push_back({offset, length, std::move(slots)});
    union_weights_.push_back(weight);
    offset += length;
  }
}

StepRecord WeightStep::run_slot(int slot, const space::Architecture& child,
                                const data::Segment& segment, std::int64_t step,
                                at::Tensor& carried) {
  const int batch_size = settings_.weights.batch_size;
  const auto tokens =
      columns_.batch(slot * batch_size, batch_size, segment.position, segment.length);
  auto result = supernet_.gradient(
      child, {tokens.input, tokens.target}, carried,
      {settings_.run.seed, static_cast<std::uint64_t>(slot), static_cast<std::uint64_t>(step)});
  faults_.corrupt_gradient(step, result.gradients);

  const auto buffer = reducer_.slot_buffer();
  const auto& touched = touched_[static_cast<std::size_t>(slot)];
  std::vector<std::span<float>> places;
  double squared_norm = 0.0;
  std::size_t tensor = 0;
  for (std::size_t i = 0; i < touched.size(); ++i) {
    while (union_weights_[tensor] != touched[i]) ++tensor;
    const auto place = buffer.subspan(static_cast<std::size_t>(plan_.tensors[tensor].offset),
                                      static_cast<std::size_t>(plan_.tensors[tensor].length));
    nn::pack_with_decay(result.gradients[i],
                        supernet_.weights()[static_cast<std::size_t>(touched[i])].value,
                        settings_.weights.weight_decay, place);
    squared_norm += nn::squared_norm(place);
    places.push_back(place);
  }
  StepRecord record;
  record.item = slot;
  record.step = step;
  record.value = result.loss;
  record.count = segment.length * batch_size;
  record.finite = std::isfinite(result.loss) && std::isfinite(squared_norm) ? 1 : 0;
  if (!record.finite) {
    for (const auto place : places) std::fill(place.begin(), place.end(), 0.0F);
    carried = supernet_.initial_state(batch_size);
  }
  reducer_.merge_slot(slot);
  return record;
}

double WeightStep::update(std::span<const float> sum, int num_finite, double lr) {
  const double mean = 1.0 / num_finite;
  double squared_norm = 0.0;
  for (const auto& tensor : plan_.tensors) {
    squared_norm += nn::squared_norm(sum.subspan(static_cast<std::size_t>(tensor.offset),
                                                 static_cast<std::size_t>(tensor.length)));
  }
  const double norm = std::sqrt(squared_norm) * mean;
  if (!std::isfinite(norm)) return norm;
  const double clip = settings_.weights.clip_norm;
  const double scale = clip > 0.0 && norm > clip ? mean * clip / norm : mean;
  for (std::size_t i = 0; i < plan_.tensors.size(); ++i) {
    const auto& tensor = plan_.tensors[i];
    nn::apply_update(supernet_.weights()[static_cast<std::size_t>(union_weights_[i])].value,
                     sum.subspan(static_cast<std::size_t>(tensor.offset),
                                 static_cast<std::size_t>(tensor.length)),
                     scale, lr);
  }
  return norm;
}

double WeightStep::learning_rate(const Progress& progress, const data::Segment& segment) const {
  const WeightOptions& options = settings_.weights;
  const auto decays = std::max<std::int64_t>(progress.round - options.lr_decay_start + 1, 0);
  double lr = options.lr * std::pow(options.lr_decay, static_cast<double>(decays));
  lr = std::max(lr, options.lr_min) * progress.lr_factor;
  if (options.lr_scales_with_length) {
    lr *= static_cast<double>(segment.length) / options.segments.segment_length;
  }
  return lr;
}

}  // namespace enas::search
