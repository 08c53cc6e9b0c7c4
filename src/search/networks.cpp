// SPDX-License-Identifier: Apache-2.0
#include "search/networks.hpp"

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::search {

void require_kind(const Settings& settings, const space::TypedView& architecture) {
  const std::string_view kind = space::name_of(space::kind_of(architecture));
  if (kind == name_of(settings.space.kind)) return;
  throw ConfigError(concat("the architecture is ", kind,
                           " but the configuration has space.kind = \"",
                           name_of(settings.space.kind), "\""));
}

std::unique_ptr<child::Network> make_network(const Settings& settings,
                                             const space::TypedView& architecture,
                                             const nn::DataShape& data) {
  require_kind(settings, architecture);
  const TrainOptions& options = settings.train;
  const std::uint64_t seed = settings.run.seed;
  switch (settings.space.kind) {
    case SpaceKind::recurrent:
      return std::make_unique<child::RecurrentNetwork>(std::get<space::RecurrentCell>(architecture),
                                                       options.recurrent, data.vocabulary_size,
                                                       seed);
    case SpaceKind::macro:
      return std::make_unique<child::MacroNetwork>(std::get<space::MacroNet>(architecture),
                                                   options.macro, data, seed);
    case SpaceKind::micro:
      return std::make_unique<child::MicroNetwork>(std::get<space::MicroNet>(architecture),
                                                   options.micro, data, seed);
    case SpaceKind::tabular:
      break;
  }
  throw ContractError("unknown kind of space");
}

SplitCut validation_cut(const TrainOptions& options) {
  return {Split::validation, options.evaluation_batch_size, options.evaluation_parts,
          "train.evaluation_batch_size times train.evaluation_parts"};
}

SplitCut test_cut(const TrainOptions& options) {
  return {Split::test, options.test_batch_size, 1, "train.test_batch_size"};
}

bool has_test_split(const Task& task, const TrainOptions& options) {
  return task.num_parts(test_cut(options)) > 0;
}

std::string test_split_advice(const DataOptions& options) {
  return options.source == DataSource::shapes
             ? "set data.shapes.test_images to at least 1"
             : concat("add the datasets /test_images and /test_labels to ", options.path,
                      " (data.path), which may also be done after the training");
}

void require_test_split(const Task& task, const Settings& settings) {
  if (has_test_split(task, settings.train)) return;
  throw InputError(concat("the data has no test split: ", task.describe_data(), "; ",
                          test_split_advice(settings.data)));
}

void require_buildable(const Settings& settings) {
  if (settings.space.kind != SpaceKind::macro || !settings.train.macro.released) return;
  for (const space::Operation operation : settings.space.macro.operations) {
    if (!space::is_pool(operation)) continue;
    throw ConfigError(concat("train.released = true: the authors' final network cannot have ",
                             space::name_of(operation),
                             ", which space.operations allows; set train.released to false, or "
                             "search without pools"));
  }
}

Settings with_training_batches(const Settings& settings) {
  Settings changed = settings;
  changed.weights = settings.train.step;
  changed.weights.section = "train";
  changed.weights.segments.key = "train.segment_length";
  // A search's rewards and round ends have no part in it.
  changed.rollout.batch_size = 1;
  changed.rollout.segment_length = 1;
  changed.validation.batch_size = 1;
  changed.data.augment.cutout = settings.train.cutout;
  changed.data.augment.cutout_key = "train.cutout";
  return changed;
}

std::unique_ptr<Task> make_training_task(const Settings& batches, const comm::Block& own_slots) {
  auto task = make_task(batches, own_slots);
  for (const auto& cut : {validation_cut(batches.train), test_cut(batches.train)}) {
    static_cast<void>(task->num_parts(cut));
  }
  return task;
}

}  // namespace enas::search
