// SPDX-License-Identifier: Apache-2.0
// How raw data become the inputs of a network: what is needed to use a trained one alone.
#pragma once

#include <string>
#include <vector>

namespace enas::task {

/// The members of the other kind of data are empty.
struct Preprocessing {
  std::vector<std::string> vocabulary;     ///< token number -> word
  std::vector<double> mean;                ///< per channel, of pixels scaled to [0, 1]
  std::vector<double> standard_deviation;  ///< likewise; 0 where a channel is constant
};

/// The vocabulary as a text: a word a line, in the order of their numbers.
std::string vocabulary_text(const std::vector<std::string>& vocabulary);

}  // namespace enas::task
