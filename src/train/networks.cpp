// SPDX-License-Identifier: Apache-2.0
#include "train/networks.hpp"

#include "child/macro.hpp"
#include "child/micro.hpp"
#include "child/recurrent.hpp"
#include "core/error.hpp"
#include "core/match.hpp"
#include "core/text.hpp"

namespace enas::train {

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
  const Options& options = settings.train;
  const std::uint64_t seed = settings.run.seed;
  switch (settings.space.kind) {
    case space::SpaceKind::recurrent:
      return std::make_unique<child::RecurrentNetwork>(std::get<space::RecurrentCell>(architecture),
                                                       options.recurrent, data.vocabulary_size,
                                                       seed);
    case space::SpaceKind::macro:
      return std::make_unique<child::MacroNetwork>(std::get<space::MacroNet>(architecture),
                                                   options.macro, data, seed);
    case space::SpaceKind::micro:
      return std::make_unique<child::MicroNetwork>(std::get<space::MicroNet>(architecture),
                                                   options.micro, data, seed);
  }
  throw ContractError("unknown kind of space");
}

space::NetworkSize network_size(const Options& options, const space::TypedView& architecture,
                                const nn::DataShape& data) {
  const space::ImageTask images{data.channels, data.height, data.width, data.num_classes};
  return std::visit(
      Match{
          [&](const space::RecurrentCell& cell) {
            return space::network_size(cell, {options.recurrent.hidden, data.vocabulary_size});
          },
          [&](const space::MacroNet& net) {
            return space::network_size(net,
                                       {options.macro.filters, options.macro.released, images});
          },
          [&](const space::MicroNet& net) {
            return space::network_size(net, {options.micro.layers, options.micro.filters, images});
          }},
      architecture);
}

task::SplitCut validation_cut(const Options& options) {
  return {task::Split::validation, options.evaluation_batch_size, options.evaluation_parts,
          "train.evaluation_batch_size times train.evaluation_parts"};
}

task::SplitCut test_cut(const Options& options) {
  return {task::Split::test, options.test_batch_size, 1, "train.test_batch_size"};
}

bool has_test_split(const task::Task& task, const Options& options) {
  return task.num_parts(test_cut(options)) > 0;
}

std::string test_split_advice(const task::DataOptions& options) {
  return options.source == task::DataSource::shapes
             ? "set data.shapes.test_images to at least 1"
             : concat("add the datasets /test_images and /test_labels to ", options.path,
                      " (data.path), which may also be done after the training");
}

void require_test_split(const task::Task& task, const Settings& settings) {
  if (has_test_split(task, settings.train)) return;
  throw InputError(concat("the data has no test split: ", task.describe_data(), "; ",
                          test_split_advice(settings.data)));
}

void require_buildable(const Settings& settings) {
  if (settings.space.kind != space::SpaceKind::macro || !settings.train.macro.released) return;
  for (const space::Operation operation : settings.space.macro.operations) {
    if (!space::is_pool(operation)) continue;
    throw ConfigError(concat("train.released = true: the authors' final network cannot have ",
                             space::name_of(operation),
                             ", which space.operations allows; set train.released to false, or "
                             "search without pools"));
  }
}

task::Options task_options(const Settings& settings) {
  task::Options options;
  options.is_of_images = space::is_of_images(settings.space.kind);
  options.seed = settings.run.seed;
  options.data = settings.data;
  options.data.augment.cutout = settings.train.cutout;
  options.data.augment.cutout_key = "train.cutout";
  options.training = settings.train.step;
  options.training.section = "train";
  options.training.segments.key = "train.segment_length";
  return options;
}

std::unique_ptr<task::Task> make_task(const Settings& settings, const comm::Block& own_slots) {
  auto task = task::make_task(task_options(settings), {own_slots.begin, own_slots.end});
  for (const auto& cut : {validation_cut(settings.train), test_cut(settings.train)}) {
    static_cast<void>(task->num_parts(cut));
  }
  return task;
}

}  // namespace enas::train
