// SPDX-License-Identifier: Apache-2.0
#include "search/checkpoint.hpp"

#include "core/error.hpp"
#include "core/text.hpp"
#include "search/array_copies.hpp"

namespace enas::search {

namespace {

Progress read_progress(const io::ImageReader& image) {
  Progress progress;
  progress.step = image.int_attribute("/progress", "step");
  progress.round = image.int_attribute("/progress", "round");
  progress.phase = image.int_attribute("/progress", "phase");
  progress.index = image.int_attribute("/progress", "index");
  progress.bad_steps = image.int_attribute("/progress", "bad_steps");
  progress.rollbacks = image.int_attribute("/progress", "rollbacks");
  progress.lr_factor = image.double_attribute("/progress", "lr_factor");
  progress.mean_metric = image.double_attribute("/progress", "mean_metric");
  return progress;
}

PhaseChildren read_children(const io::ImageReader& image, const std::string& file) {
  PhaseChildren children;
  const auto shape = image.shape("/children/tokens");
  if (shape.size() != 3) throw InputError(file + ": /children/tokens is not [slot, step, token]");
  children.rows = shape[0];
  children.steps = shape[1];
  children.num_tokens = shape[2];
  children.tokens = image.read<std::int32_t>("/children/tokens");
  return children;
}

/// The stored state of a strategy that has arrays like `wanted`, with the digest that it was stored
/// with.
ArrayCopies read_strategy_copy(const CheckpointReader& reader,
                               const std::vector<NamedArray>& wanted) {
  reader.check_arrays("/strategy", wanted);
  ArrayCopies copies(wanted);
  reader.read_arrays("/strategy", copies.arrays());
  const std::string stored = reader.image().string_attribute("/strategy", "digest");
  if (digest_of(copies.arrays()).hex() != stored) {
    throw InputError(
        concat(reader.file(), ": the values of /strategy do not have its digest ", stored));
  }
  return copies;
}

}  // namespace

io::Image checkpoint_image(const RunIdentity& identity, const CheckpointView& view) {
  std::size_t bytes = view.slot_state.size() * sizeof(float);
  for (const auto& array : view.weights) bytes += array.bytes().size();
  for (const auto& array : view.momentum) bytes += array.bytes().size();
  for (const auto& array : view.strategy) bytes += array.bytes().size();
  io::ImageWriter image(bytes);
  begin_checkpoint(image, kSearchCheckpoint, identity, view.progress.step);

  write_arrays(image, "/weights", view.weights);
  write_arrays(image, "/momentum", view.momentum);
  write_arrays(image, "/strategy", view.strategy);
  image.attribute("/strategy", "digest", digest_of(view.strategy).hex());
  image.group("/slots");
  image.dataset<float>("/slots/state", view.slot_state, view.slot_state_shape);

  image.group("/progress");
  const Progress& progress = view.progress;
  image.attribute("/progress", "step", progress.step);
  image.attribute("/progress", "round", progress.round);
  image.attribute("/progress", "phase", progress.phase);
  image.attribute("/progress", "index", progress.index);
  image.attribute("/progress", "bad_steps", progress.bad_steps);
  image.attribute("/progress", "rollbacks", progress.rollbacks);
  image.attribute("/progress", "lr_factor", progress.lr_factor);
  image.attribute("/progress", "mean_metric", progress.mean_metric);

  image.group("/children");
  const PhaseChildren& children = view.children;
  const std::vector<std::int64_t> shape = {children.rows, children.steps, children.num_tokens};
  image.dataset<std::int32_t>("/children/tokens", children.tokens, shape);
  image.group("/best");
  image.dataset("/best/tokens", view.best.tokens);
  image.attribute("/best", "metric", view.best.metric);
  image.attribute("/best", "step", view.best.step);
  return finish_checkpoint(image);
}

void read_search(const CheckpointReader& reader, CheckpointView& view, const Accept& accept) {
  const io::ImageReader& image = reader.image();
  reader.check_arrays("/weights", view.weights);
  reader.check_arrays("/momentum", view.momentum);
  const ArrayCopies strategy = read_strategy_copy(reader, view.strategy);
  std::vector<float> slot_state(view.slot_state.size());
  const NamedArray slots = {"state", view.slot_state_shape, std::span<float>(slot_state)};
  reader.check_arrays("/slots", {slots});
  reader.read_arrays("/slots", {slots});
  Progress progress = read_progress(image);
  PhaseChildren children = read_children(image, reader.file());
  BestChild best;
  best.tokens = image.read<std::int32_t>("/best/tokens");
  best.metric = image.double_attribute("/best", "metric");
  best.step = image.int_attribute("/best", "step");
  if (accept) {
    accept({view.weights, view.momentum, strategy.arrays(), progress, best, children, slot_state,
            view.slot_state_shape});
  }

  reader.read_arrays("/weights", view.weights);
  reader.read_arrays("/momentum", view.momentum);
  copy_values(strategy.arrays(), view.strategy);
  view.slot_state = std::move(slot_state);
  view.progress = progress;
  view.children = std::move(children);
  view.best = std::move(best);
}

void read_model(const CheckpointReader& reader, const std::vector<NamedArray>& weights,
                const std::vector<NamedArray>& strategy) {
  reader.check_arrays("/weights", weights);
  reader.check_arrays("/strategy", strategy);
  reader.read_arrays("/weights", weights);
  reader.read_arrays("/strategy", strategy);
}

void read_strategy(const CheckpointReader& reader, const std::vector<NamedArray>& strategy) {
  reader.check_arrays("/strategy", strategy);
  reader.read_arrays("/strategy", strategy);
}

}  // namespace enas::search
