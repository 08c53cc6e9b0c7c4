// SPDX-License-Identifier: Apache-2.0
#include "search/spaces.hpp"

#include "core/error.hpp"
#include "search/tabular_supernet.hpp"

namespace enas::search {

space::SpaceKind architecture_kind(SpaceKind kind) {
  switch (kind) {
    case SpaceKind::tabular:
    case SpaceKind::recurrent:
      return space::SpaceKind::recurrent;
    case SpaceKind::macro:
      return space::SpaceKind::macro;
    case SpaceKind::micro:
      return space::SpaceKind::micro;
  }
  throw ContractError("unknown kind of space");
}

space::SearchSpace make_space(const SpaceOptions& options) {
  switch (options.kind) {
    case SpaceKind::tabular:
    case SpaceKind::recurrent:
      return space::recurrent_space(options.recurrent);
    case SpaceKind::macro:
      return space::macro_space(options.macro);
    case SpaceKind::micro:
      return space::micro_space(options.micro);
  }
  throw ContractError("unknown kind of space");
}

std::string paper_space_size(const SpaceOptions& options) {
  switch (options.kind) {
    case SpaceKind::tabular:
    case SpaceKind::recurrent:
      return space::recurrent_paper_size(options.recurrent);
    case SpaceKind::macro:
      return space::macro_paper_size(options.macro);
    case SpaceKind::micro:
      return space::micro_paper_size(options.micro);
  }
  throw ContractError("unknown kind of space");
}

space::TypedView typed_view(const SpaceOptions& options, const space::Architecture& architecture) {
  switch (options.kind) {
    case SpaceKind::tabular:
    case SpaceKind::recurrent:
      return space::recurrent_cell(options.recurrent, architecture);
    case SpaceKind::macro:
      return space::macro_net(options.macro, architecture);
    case SpaceKind::micro:
      return space::micro_net(options.micro, architecture);
  }
  throw ContractError("unknown kind of space");
}

ChildDescription describe_child(const SpaceOptions& options,
                                const space::Architecture& architecture) {
  switch (options.kind) {
    case SpaceKind::tabular:
    case SpaceKind::recurrent: {
      const auto cell = space::recurrent_cell(options.recurrent, architecture);
      return {cell.text(), Json::parse(space::recurrent_cell_json(cell))};
    }
    case SpaceKind::macro: {
      const auto net = space::macro_net(options.macro, architecture);
      return {net.text(), Json::parse(space::macro_net_json(net))};
    }
    case SpaceKind::micro: {
      const auto net = space::micro_net(options.micro, architecture);
      return {net.text(), Json::parse(space::micro_net_json(net))};
    }
  }
  throw ContractError("unknown kind of space");
}

std::unique_ptr<supernet::Supernet> make_supernet(const Settings& settings, const DataShape& data) {
  const SpaceOptions& space = settings.space;
  const std::uint64_t seed = settings.run.seed;
  switch (space.kind) {
    case SpaceKind::recurrent:
      return std::make_unique<supernet::RecurrentSupernet>(
          space.recurrent, settings.supernet.recurrent, data.vocabulary_size, seed);
    case SpaceKind::macro:
      return std::make_unique<supernet::MacroSupernet>(space.macro, settings.supernet.macro, data,
                                                       seed);
    case SpaceKind::micro:
      return std::make_unique<supernet::MicroSupernet>(space.micro, settings.supernet.micro, data,
                                                       seed);
    case SpaceKind::tabular:
      return std::make_unique<TabularSupernet>(make_space(space).id(), data.table);
  }
  throw ContractError("unknown kind of space");
}

std::vector<supernet::WeightShape> weight_shapes(const Settings& settings,
                                                 const nn::DataShape& data) {
  const SpaceOptions& space = settings.space;
  switch (space.kind) {
    case SpaceKind::recurrent:
      return supernet::recurrent_weight_shapes(space.recurrent, settings.supernet.recurrent,
                                               data.vocabulary_size);
    case SpaceKind::macro:
      return supernet::macro_weight_shapes(space.macro, settings.supernet.macro, data);
    case SpaceKind::micro:
      return supernet::micro_weight_shapes(space.micro, settings.supernet.micro, data);
    case SpaceKind::tabular:
      return {};
  }
  throw ContractError("unknown kind of space");
}

}  // namespace enas::search
