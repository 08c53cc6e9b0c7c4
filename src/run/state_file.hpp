// SPDX-License-Identifier: Apache-2.0
// A job's state in and out of a checkpoint file.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "io/hdf5_image.hpp"
#include "run/checkpoint_file.hpp"
#include "run/state.hpp"

namespace enas::run {

/// `slot_states` are the carried states of all slots, in slot order.
void write_state(io::ImageWriter& image, const State& state, const std::vector<float>& slot_states);

/// Overwrites the state after everything of the checkpoint was checked, and returns the carried
/// states of all slots. `state` gives the views; it is asked again once numbers and sequences have
/// their new values, so that a job can make room for arrays. Throws InputError, or ConfigError when
/// the checkpoint is of another subject; then nothing has changed.
std::vector<float> read_state(const CheckpointReader& reader, const std::function<State()>& state);

/// Digest of all fields of a checkpoint file, 32 hexadecimal digits. Of `fields` only paths and
/// names count.
std::string hash_of(const io::ImageReader& image, const State& fields);

}  // namespace enas::run
