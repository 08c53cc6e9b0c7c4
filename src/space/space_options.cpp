// SPDX-License-Identifier: Apache-2.0
#include "space/space_options.hpp"

#include <utility>

#include "core/error.hpp"

namespace enas::space {

namespace {

/// What each kind of space does with its options.
template <typename Recurrent, typename Macro, typename Micro>
auto by_kind(const SpaceOptions& options, Recurrent recurrent, Macro macro, Micro micro) {
  switch (options.kind) {
    case SpaceKind::recurrent:
      return recurrent(options.recurrent);
    case SpaceKind::macro:
      return macro(options.macro);
    case SpaceKind::micro:
      return micro(options.micro);
  }
  throw ContractError("unknown kind of space");
}

}  // namespace

SearchSpace make_space(const SpaceOptions& options) {
  return by_kind(options, recurrent_space, macro_space, micro_space);
}

std::string paper_space_size(const SpaceOptions& options) {
  return by_kind(options, recurrent_paper_size, macro_paper_size, micro_paper_size);
}

TypedView typed_view(const SpaceOptions& options, const Architecture& architecture) {
  return by_kind(
      options,
      [&](const auto& recurrent) { return TypedView(recurrent_cell(recurrent, architecture)); },
      [&](const auto& macro) { return TypedView(macro_net(macro, architecture)); },
      [&](const auto& micro) { return TypedView(micro_net(micro, architecture)); });
}

Description describe(const SpaceOptions& options, const Architecture& architecture) {
  const auto described = [](const auto& view, const std::string& json) {
    return Description{view.text(), Json::parse(json)};
  };
  return by_kind(
      options,
      [&](const auto& recurrent) {
        const auto cell = recurrent_cell(recurrent, architecture);
        return described(cell, recurrent_cell_json(cell));
      },
      [&](const auto& macro) {
        const auto net = macro_net(macro, architecture);
        return described(net, macro_net_json(net));
      },
      [&](const auto& micro) {
        const auto net = micro_net(micro, architecture);
        return described(net, micro_net_json(net));
      });
}

}  // namespace enas::space
