// SPDX-License-Identifier: Apache-2.0
#include "search/search_content.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "core/text.hpp"
#include "search/loaded_state.hpp"
#include "search/slot_states.hpp"

namespace enas::search {

namespace {

template <typename T>
void broadcast_vector(comm::World& world, std::vector<T>& values) {
  values.resize(world.broadcast_value(values.size()));
  world.broadcast(std::as_writable_bytes(std::span(values)));
}

}  // namespace

SearchContent::SearchContent(comm::World& world, ReplicaGuard& guard, const Settings& settings,
                             const SearchParts& parts)
    : world_(world),
      guard_(guard),
      settings_(settings),
      parts_(parts),
      slot_shape_(parts.supernet.initial_state(settings.weights.batch_size).sizes().vec()) {}

CheckpointView SearchContent::view(std::vector<float>& slot_state) const {
  SearchState& state = parts_.state;
  std::vector<std::int64_t> shape = {settings_.weights.slots};
  shape.insert(shape.end(), slot_shape_.begin(), slot_shape_.end());
  return {arrays_of(parts_.supernet.weights()),
          parts_.optimizer.state(),
          parts_.strategy.state(),
          state.progress,
          state.best,
          state.children,
          slot_state,
          std::move(shape)};
}

bool SearchContent::is_finite() const {
  std::vector<NamedArray> arrays = arrays_of(parts_.supernet.weights());
  for (auto& array : parts_.optimizer.state()) arrays.push_back(std::move(array));
  for (auto& array : parts_.strategy.state()) arrays.push_back(std::move(array));
  return std::all_of(arrays.begin(), arrays.end(), all_finite);
}

void SearchContent::compare() {
  guard_.check_all(step());
  check_carried(world_, parts_.state.slot_state, step());
}

void SearchContent::gather() { slot_state_ = gather_slot_states(world_, parts_.state.slot_state); }

io::Image SearchContent::image_on_root(const RunIdentity& identity) const {
  std::vector<float> slot_state = slot_state_;
  return checkpoint_image(identity, view(slot_state));
}

io::Image SearchContent::log_image_on_root(std::int64_t first_step, std::int64_t end_step,
                                           const ConfigRecord& record) const {
  return parts_.run_log.image(first_step, end_step, record);
}

void SearchContent::read_on_root(const CheckpointReader& reader) {
  std::int64_t size = settings_.weights.slots;
  for (const auto extent : slot_shape_) size *= extent;
  std::vector<float> slot_state(static_cast<std::size_t>(size));
  auto target = view(slot_state);
  read_search(reader, target, [&](const CheckpointView& read) {
    try {
      check_loaded(read, parts_.space, settings_, parts_.task);
    } catch (const InputError& error) {
      throw InputError(concat(reader.file(), ": ", error.what()));
    }
  });
  slot_state_ = std::move(slot_state);
}

void SearchContent::scatter() {
  SearchState& state = parts_.state;
  for (const auto& array : arrays_of(parts_.supernet.weights())) world_.broadcast(array.bytes());
  for (const auto& array : parts_.optimizer.state()) world_.broadcast(array.bytes());
  broadcast_state(world_, parts_.strategy);
  state.progress = world_.broadcast_value(state.progress);
  state.best.metric = world_.broadcast_value(state.best.metric);
  state.best.step = world_.broadcast_value(state.best.step);
  broadcast_vector(world_, state.best.tokens);
  state.children.rows = world_.broadcast_value(state.children.rows);
  state.children.steps = world_.broadcast_value(state.children.steps);
  state.children.num_tokens = world_.broadcast_value(state.children.num_tokens);
  broadcast_vector(world_, state.children.tokens);
  scatter_slot_states(world_, settings_.weights.slots, slot_state_, slot_shape_, state.slot_state);
  guard_.check_all(state.progress.step);
}

}  // namespace enas::search
