// SPDX-License-Identifier: Apache-2.0
// What a training's checkpoint says of its data, in the group "/data": enough to rebuild the
// network and its inputs without them.
#pragma once

#include "io/hdf5_image.hpp"
#include "nn/data_shape.hpp"
#include "run/checkpoint_file.hpp"
#include "task/preprocessing.hpp"

namespace enas::train {

void write_data_shape(io::ImageWriter& image, const nn::DataShape& data);
/// Throws InputError.
nn::DataShape read_data_shape(const run::CheckpointReader& reader);

void write_preprocessing(io::ImageWriter& image, const task::Preprocessing& preprocessing);
/// Nothing where an older version left them out.
task::Preprocessing read_preprocessing(const run::CheckpointReader& reader);

}  // namespace enas::train
