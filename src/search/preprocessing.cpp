// SPDX-License-Identifier: Apache-2.0
#include "search/preprocessing.hpp"

#include <cstdint>
#include <string_view>

#include "io/hdf5_image.hpp"
#include "run/checkpoint_file.hpp"

namespace enas::search {

namespace {

constexpr const char* kVocabulary = "/data/vocabulary";
constexpr const char* kMean = "/data/mean";
constexpr const char* kStandardDeviation = "/data/standard_deviation";

/// The lines of a text in which each one ends in a newline.
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

}  // namespace

std::string vocabulary_text(const std::vector<std::string>& vocabulary) {
  std::string text;
  for (const std::string& word : vocabulary) text += word + '\n';
  return text;
}

void write_preprocessing(io::ImageWriter& image, const Preprocessing& preprocessing) {
  const std::string words = vocabulary_text(preprocessing.vocabulary);
  // Bytes, since strings of an HDF5 dataset would all be as long as the longest.
  image.dataset(kVocabulary, std::vector<std::uint8_t>(words.begin(), words.end()));
  image.dataset(kMean, preprocessing.mean);
  image.dataset(kStandardDeviation, preprocessing.standard_deviation);
}

Preprocessing read_preprocessing(const run::CheckpointReader& reader) {
  const io::ImageReader& image = reader.image();
  if (!image.exists(kVocabulary)) return {};
  const auto words = image.read<std::uint8_t>(kVocabulary);
  return {lines_of(std::string(words.begin(), words.end())), image.read<double>(kMean),
          image.read<double>(kStandardDeviation)};
}

}  // namespace enas::search
