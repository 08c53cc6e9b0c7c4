// SPDX-License-Identifier: Apache-2.0
#include "search/settings.hpp"

#include "core/error.hpp"

namespace enas::search {

std::string_view name_of(SpaceKind kind) {
  switch (kind) {
    case SpaceKind::recurrent:
      return "recurrent";
    case SpaceKind::macro:
      return "macro";
    case SpaceKind::micro:
      return "micro";
    case SpaceKind::tabular:
      return "tabular";
  }
  throw ContractError("unknown kind of space");
}

nn::Precision& supernet_precision(Settings& settings) {
  switch (settings.space.kind) {
    case SpaceKind::recurrent:
    case SpaceKind::tabular:  // nothing is computed
      return settings.supernet.recurrent.precision;
    case SpaceKind::macro:
      return settings.supernet.macro.precision;
    case SpaceKind::micro:
      return settings.supernet.micro.precision;
  }
  throw ContractError("unknown kind of space");
}

nn::Precision& train_precision(Settings& settings) {
  switch (settings.space.kind) {
    case SpaceKind::recurrent:
    case SpaceKind::tabular:  // nothing is computed
      return settings.train.recurrent.precision;
    case SpaceKind::macro:
      return settings.train.macro.precision;
    case SpaceKind::micro:
      return settings.train.micro.precision;
  }
  throw ContractError("unknown kind of space");
}

}  // namespace enas::search
