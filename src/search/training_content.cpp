// SPDX-License-Identifier: Apache-2.0
#include "search/training_content.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "core/error.hpp"
#include "core/text.hpp"
#include "search/preprocessing.hpp"
#include "search/replica_guard.hpp"
#include "search/slot_states.hpp"
#include "search/trained.hpp"

namespace enas::search {

namespace {

constexpr const char* kMean = "/mean";

const std::vector<std::pair<const char*, std::int64_t TrainingProgress::*>> kCounts = {
    {"step", &TrainingProgress::step},
    {"epoch", &TrainingProgress::epoch},
    {"index", &TrainingProgress::index},
    {"bad_steps", &TrainingProgress::bad_steps},
    {"rollbacks", &TrainingProgress::rollbacks},
    {"best_epoch", &TrainingProgress::best_epoch},
    {"num_finite", &TrainingProgress::num_finite}};
const std::vector<std::pair<const char*, double TrainingProgress::*>> kReals = {
    {"lr_factor", &TrainingProgress::lr_factor},
    {"loss_sum", &TrainingProgress::loss_sum},
    {"accuracy_sum", &TrainingProgress::accuracy_sum},
    {"best_loss", &TrainingProgress::best_loss},
    {"best_metric", &TrainingProgress::best_metric}};

TrainingProgress read_progress(const io::ImageReader& image, const std::string& file) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 2;
  TrainingProgress progress;
  for (const auto& [name, member] : kCounts) {
    const std::int64_t value = image.int_attribute("/progress", name);
    if (value < -1 || value > kMost) {
      throw InputError(concat(file, ": /progress ", name, " is ", value));
    }
    progress.*member = value;
  }
  for (const auto& [name, member] : kReals) {
    progress.*member = image.double_attribute("/progress", name);
  }
  return progress;
}

}  // namespace

/// Replicated arrays under their name in the file.
struct TrainingContent::Group {
  const char* name;
  std::vector<NamedArray> arrays;
};

TrainingContent::TrainingContent(comm::World& world, const TrainingParts& parts)
    : world_(world),
      parts_(parts),
      slot_shape_(parts.network.initial_state(parts.batch_size).sizes().vec()) {}

std::vector<TrainingContent::Group> TrainingContent::groups() const {
  return {{"/weights", arrays_of(parts_.network.weights())},
          {"/averages", arrays_of(parts_.network.averages())},
          {"/momentum", parts_.optimizer.state()},
          {kMean, arrays_of(parts_.average.values())},
          {"/best/weights", arrays_of(parts_.best.weights)},
          {"/best/averages", arrays_of(parts_.best.averages)}};
}

bool TrainingContent::is_finite() const {
  const auto all = groups();
  return std::all_of(all.begin(), all.end(), [](const Group& group) {
    return std::all_of(group.arrays.begin(), group.arrays.end(), all_finite);
  });
}

void TrainingContent::check(std::int64_t step) const {
  std::vector<NamedArray> all;
  for (const auto& group : groups()) {
    for (auto array : group.arrays) {
      array.name = concat(group.name, "/", array.name).substr(1);
      all.push_back(std::move(array));
    }
  }
  compare_replicas(world_, all, step);
}

void TrainingContent::compare() {
  check(step());
  check_carried(world_, parts_.state.slot_state, step());
}

void TrainingContent::gather() {
  slot_state_ = gather_slot_states(world_, parts_.state.slot_state);
}

io::Image TrainingContent::image_on_root(const RunIdentity& identity) const {
  const auto all = groups();
  std::size_t bytes = slot_state_.size() * sizeof(float);
  for (const auto& group : all) {
    for (const auto& array : group.arrays) bytes += array.bytes().size();
  }
  io::ImageWriter image(bytes);
  begin_checkpoint(image, kind(), identity, step());
  image.attribute("/", "architecture", parts_.architecture);
  image.group("/best");
  write_data_shape(image, parts_.task.data_shape());
  write_preprocessing(image, parts_.task.preprocessing());
  for (const auto& group : all) write_arrays(image, group.name, group.arrays);
  std::vector<std::int64_t> shape = {parts_.slots};
  shape.insert(shape.end(), slot_shape_.begin(), slot_shape_.end());
  image.group("/slots");
  image.dataset<float>("/slots/state", slot_state_, shape);
  image.group("/progress");
  for (const auto& [name, member] : kCounts) {
    image.attribute("/progress", name, parts_.state.progress.*member);
  }
  for (const auto& [name, member] : kReals) {
    image.attribute("/progress", name, parts_.state.progress.*member);
  }
  image.attribute("/progress", "averaged_steps", parts_.average.count());
  image.dataset("/progress/averaging_trigger", parts_.trigger.state());
  return finish_checkpoint(image);
}

io::Image TrainingContent::log_image_on_root(std::int64_t first_step, std::int64_t end_step,
                                             const ConfigRecord& record) const {
  return parts_.log.image(first_step, end_step, record, parts_.architecture);
}

void TrainingContent::read_on_root(const CheckpointReader& reader) {
  const io::ImageReader& image = reader.image();
  if (image.string_attribute("/", "architecture") != parts_.architecture) {
    throw ConfigError(
        concat(reader.file(), " is the training of another architecture; take another --run-dir"));
  }
  const TrainingProgress progress = read_progress(image, reader.file());
  check_progress(progress, reader.file());
  const std::int64_t averaged = image.int_attribute("/progress", "averaged_steps");
  if (averaged < 0 || averaged > progress.step) {
    throw InputError(concat(reader.file(), ": averaged_steps is ", averaged));
  }
  const auto trigger = read_trigger(reader);
  std::vector<float> slot_state = read_slot_state(reader);
  // The means have the names and shapes of the weights, whose room is there already.
  const auto weights = arrays_of(parts_.network.weights());
  for (const auto& group : groups()) {
    const bool is_mean = std::string_view(group.name) == kMean;
    if (!is_mean) reader.check_arrays(group.name, group.arrays);
    if (is_mean && averaged > 0) reader.check_arrays(group.name, weights);
  }

  parts_.average.restore(averaged);
  for (const auto& group : groups()) reader.read_arrays(group.name, group.arrays);
  parts_.trigger = trigger;
  slot_state_ = std::move(slot_state);
  parts_.state.progress = progress;
}

child::AveragingTrigger TrainingContent::read_trigger(const CheckpointReader& reader) const {
  child::AveragingTrigger trigger = parts_.trigger;
  try {
    trigger.restore(reader.image().read<double>("/progress/averaging_trigger"));
  } catch (const InputError& error) {
    throw InputError(concat(reader.file(), ": ", error.what()));
  }
  return trigger;
}

/// Of all slots.
std::vector<float> TrainingContent::read_slot_state(const CheckpointReader& reader) const {
  std::vector<std::int64_t> shape = {parts_.slots};
  shape.insert(shape.end(), slot_shape_.begin(), slot_shape_.end());
  std::int64_t size = 1;
  for (const auto extent : shape) size *= extent;
  std::vector<float> values(static_cast<std::size_t>(size));
  const NamedArray slots = {"state", shape, std::span<float>(values)};
  reader.check_arrays("/slots", {slots});
  reader.read_arrays("/slots", {slots});
  return values;
}

/// What a changed configuration or file could break.
void TrainingContent::check_progress(const TrainingProgress& progress,
                                     const std::string& file) const {
  const auto require = [&](bool holds, const char* name, auto value) {
    if (!holds) throw InputError(concat(file, ": /progress ", name, " is ", value));
  };
  require(progress.step >= 0, "step", progress.step);
  require(progress.epoch >= 0, "epoch", progress.epoch);
  const bool goes_on = progress.epoch < parts_.epochs;
  const std::int64_t steps = goes_on ? parts_.task.steps_in_pass(progress.epoch) : 1;
  require(progress.index >= 0 && progress.index < steps, "index", progress.index);
  require(progress.best_epoch < std::max<std::int64_t>(progress.epoch, 1), "best_epoch",
          progress.best_epoch);
  require(progress.best_epoch < 0 || std::isfinite(progress.best_metric), "best_metric",
          progress.best_metric);
  require(std::isfinite(progress.loss_sum), "loss_sum", progress.loss_sum);
  require(std::isfinite(progress.accuracy_sum), "accuracy_sum", progress.accuracy_sum);
  require(progress.lr_factor > 0.0 && progress.lr_factor <= 1.0, "lr_factor", progress.lr_factor);
}

void TrainingContent::scatter() {
  auto& state = parts_.state;
  state.progress = world_.broadcast_value(state.progress);
  const std::int64_t averaged = world_.broadcast_value(parts_.average.count());
  if (!world_.is_root()) parts_.average.restore(averaged);
  auto trigger = parts_.trigger.state();
  trigger.resize(world_.broadcast_value(trigger.size()));
  world_.broadcast(std::as_writable_bytes(std::span(trigger)));
  parts_.trigger.restore(trigger);
  for (const auto& group : groups()) {
    for (const auto& array : group.arrays) world_.broadcast(array.bytes());
  }
  scatter_slot_states(world_, parts_.slots, slot_state_, slot_shape_, state.slot_state);
  check(state.progress.step);
}

}  // namespace enas::search
