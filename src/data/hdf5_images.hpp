// SPDX-License-Identifier: Apache-2.0
// Images of the user's own, from one HDF5 file.
#pragma once

#include <filesystem>

#include "data/image_set.hpp"

namespace enas::data {

/// `images` uint8 [N,H,W,C] or [N,C,H,W] (C = 1, 3 or 4 decides; when both fit, the attribute
/// "layout" of `images`, "NHWC" or "NCHW", else NHWC), `labels` integers [N] from 0 on; optional
/// `test_images` and `test_labels` of the same shape. The number of classes is the largest label
/// plus one; there must be two labels at least. Unchunked images are mapped, others are read into
/// memory. Throws InputError: 66 missing, 65 naming dataset, expected and found.
ImageSet read_hdf5_images(const std::filesystem::path& file, const ImageSplitOptions& options);

}  // namespace enas::data
