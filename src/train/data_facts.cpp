// SPDX-License-Identifier: Apache-2.0
#include "train/data_facts.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::train {

namespace {

const std::vector<std::pair<const char*, int nn::DataShape::*>> kDataShape = {
    {"vocabulary_size", &nn::DataShape::vocabulary_size},
    {"channels", &nn::DataShape::channels},
    {"height", &nn::DataShape::height},
    {"width", &nn::DataShape::width},
    {"num_classes", &nn::DataShape::num_classes}};

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

void write_data_shape(io::ImageWriter& image, const nn::DataShape& data) {
  image.group("/data");
  for (const auto& [name, member] : kDataShape) {
    image.attribute("/data", name, std::int64_t{data.*member});
  }
}

nn::DataShape read_data_shape(const run::CheckpointReader& reader) {
  constexpr std::int64_t kMost = 100'000'000;
  nn::DataShape data;
  for (const auto& [name, member] : kDataShape) {
    const std::int64_t value = reader.image().int_attribute("/data", name);
    if (value < 0 || value > kMost) {
      throw InputError(concat(reader.file(), ": /data ", name, " is ", value));
    }
    data.*member = static_cast<int>(value);
  }
  return data;
}

void write_preprocessing(io::ImageWriter& image, const task::Preprocessing& preprocessing) {
  const std::string words = task::vocabulary_text(preprocessing.vocabulary);
  // Bytes, since strings of an HDF5 dataset would all be as long as the longest.
  image.dataset(kVocabulary, std::vector<std::uint8_t>(words.begin(), words.end()));
  image.dataset(kMean, preprocessing.mean);
  image.dataset(kStandardDeviation, preprocessing.standard_deviation);
}

task::Preprocessing read_preprocessing(const run::CheckpointReader& reader) {
  const io::ImageReader& image = reader.image();
  if (!image.exists(kVocabulary)) return {};
  const auto words = image.read<std::uint8_t>(kVocabulary);
  return {lines_of(std::string(words.begin(), words.end())), image.read<double>(kMean),
          image.read<double>(kStandardDeviation)};
}

}  // namespace enas::train
