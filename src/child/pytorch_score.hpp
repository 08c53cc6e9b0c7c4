// SPDX-License-Identifier: Apache-2.0
// The end of a model.py: scoring the user's own data, and the command line.
#pragma once

#include <string_view>

namespace enas::child {

/// For a model of text: reads a text as data::read_corpus() does, with the words of vocabulary.txt,
/// and scores it in TEST_COLUMNS columns.
std::string_view pytorch_text_score();

/// For a model of images: reads an HDF5 file as data::read_hdf5_images() does and scales its pixels
/// by MEAN and STANDARD_DEVIATION.
std::string_view pytorch_image_score();

}  // namespace enas::child
