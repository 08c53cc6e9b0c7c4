// SPDX-License-Identifier: Apache-2.0
// How raw data become the inputs of a network: what is needed to use a trained one alone.
#pragma once

#include <string>
#include <vector>

namespace enas::io {
class ImageWriter;
}

namespace enas::run {
class CheckpointReader;
}

namespace enas::search {

/// The members of the other kind of data are empty.
struct Preprocessing {
  std::vector<std::string> vocabulary;     ///< token number -> word
  std::vector<double> mean;                ///< per channel, of pixels scaled to [0, 1]
  std::vector<double> standard_deviation;  ///< likewise; 0 where a channel is constant
};

/// The vocabulary as a text: a word a line, in the order of their numbers.
std::string vocabulary_text(const std::vector<std::string>& vocabulary);

/// Datasets of the group "/data" of a training's checkpoint.
void write_preprocessing(io::ImageWriter& image, const Preprocessing& preprocessing);
/// Nothing where an older version left them out.
Preprocessing read_preprocessing(const run::CheckpointReader& reader);

}  // namespace enas::search
