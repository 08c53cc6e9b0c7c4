// SPDX-License-Identifier: Apache-2.0
// Carried states of all slots, in slot order: the only state that is not a replica.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "comm/world.hpp"
#include "run/named_array.hpp"

namespace enas::run {

/// Views of them, each made contiguous.
std::vector<NamedArray> carried_arrays(std::vector<at::Tensor>& own);
/// True when all values are. Every step leaves them so: a slot whose state would not be counts as a
/// slot without a finite gradient.
bool is_finite(const at::Tensor& carried);
bool are_finite(const std::vector<at::Tensor>& own);
/// Collective. Throws ReplicasDiffer naming the ranks with a carried state that is not finite.
void check_carried(comm::World& world, const std::vector<at::Tensor>& own, std::int64_t step);
/// Collective. `own` are this rank's of `slots`; all of them on rank 0, nothing elsewhere.
std::vector<float> gather_slot_states(comm::World& world, const std::vector<at::Tensor>& own);
/// Collective. `all` counts on rank 0; overwrites `own`, each of this shape.
void scatter_slot_states(comm::World& world, int slots, const std::vector<float>& all,
                         const std::vector<std::int64_t>& shape, std::vector<at::Tensor>& own);

}  // namespace enas::run
