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
                                             const DataShape& data) {
  require_kind(settings, architecture);
  const TrainOptions& options = settings.train;
  const std::uint64_t seed = settings.run.seed;
  const child::ImageShape images{data.channels, data.height, data.width, data.num_classes};
  switch (settings.space.kind) {
    case SpaceKind::recurrent:
      return std::make_unique<child::RecurrentNetwork>(std::get<space::RecurrentCell>(architecture),
                                                       options.recurrent, data.vocabulary_size,
                                                       seed);
    case SpaceKind::macro:
      return std::make_unique<child::MacroNetwork>(std::get<space::MacroNet>(architecture),
                                                   options.macro, images, seed);
    case SpaceKind::micro:
      return std::make_unique<child::MicroNetwork>(std::get<space::MicroNet>(architecture),
                                                   options.micro, images, seed);
    case SpaceKind::tabular:
      break;
  }
  throw ContractError("unknown kind of space");
}

SplitCut validation_cut(const TrainOptions& options) {
  return {Split::validation, options.evaluation_batch_size, options.evaluation_parts};
}

SplitCut test_cut(const TrainOptions& options) { return {Split::test, options.test_batch_size, 1}; }

Settings with_training_batches(const Settings& settings) {
  Settings changed = settings;
  changed.weights = settings.train.step;
  // A search's rewards and round ends have no part in it.
  changed.rollout.batch_size = 1;
  changed.rollout.segment_length = 1;
  changed.validation.batch_size = 1;
  changed.data.augment.cutout = settings.train.cutout;
  changed.data.augment.cutout_key = "train.cutout";
  return changed;
}

}  // namespace enas::search
