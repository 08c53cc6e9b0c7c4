// SPDX-License-Identifier: Apache-2.0
// How shared weights are made and computed: the section `supernet` of a configuration.
#pragma once

#include "nn/precision.hpp"
#include "space/typed_view.hpp"
#include "supernet/macro.hpp"
#include "supernet/micro.hpp"
#include "supernet/recurrent.hpp"

namespace enas::supernet {

/// The member of the space's kind is in force.
struct Options {
  RecurrentOptions recurrent;
  MacroOptions macro;
  MicroOptions micro;

  /// Each kind has a member of its own.
  nn::Precision& precision(space::SpaceKind kind) {
    return kind == space::SpaceKind::recurrent ? recurrent.precision
           : kind == space::SpaceKind::macro   ? macro.precision
                                               : micro.precision;
  }
  nn::Precision precision(space::SpaceKind kind) const { return Options(*this).precision(kind); }
  Kernels& kernels(space::SpaceKind kind) {
    return kind == space::SpaceKind::recurrent ? recurrent.kernels
           : kind == space::SpaceKind::macro   ? macro.kernels
                                               : micro.kernels;
  }
};

}  // namespace enas::supernet
