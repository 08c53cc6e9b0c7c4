// SPDX-License-Identifier: Apache-2.0
#include "supernet/make.hpp"

#include "core/error.hpp"
#include "supernet/macro.hpp"
#include "supernet/micro.hpp"
#include "supernet/recurrent.hpp"

namespace enas::supernet {

std::unique_ptr<Supernet> make_supernet(const space::SpaceOptions& space, const Options& options,
                                        const nn::DataShape& data, std::uint64_t seed) {
  switch (space.kind) {
    case space::SpaceKind::recurrent:
      return std::make_unique<RecurrentSupernet>(space.recurrent, options.recurrent,
                                                 data.vocabulary_size, seed);
    case space::SpaceKind::macro:
      return std::make_unique<MacroSupernet>(space.macro, options.macro, data, seed);
    case space::SpaceKind::micro:
      return std::make_unique<MicroSupernet>(space.micro, options.micro, data, seed);
  }
  throw ContractError("unknown kind of space");
}

std::vector<WeightShape> weight_shapes(const space::SpaceOptions& space, const Options& options,
                                       const nn::DataShape& data) {
  switch (space.kind) {
    case space::SpaceKind::recurrent:
      return recurrent_weight_shapes(space.recurrent, options.recurrent, data.vocabulary_size);
    case space::SpaceKind::macro:
      return macro_weight_shapes(space.macro, options.macro, data);
    case space::SpaceKind::micro:
      return micro_weight_shapes(space.micro, options.micro, data);
  }
  throw ContractError("unknown kind of space");
}

}  // namespace enas::supernet
