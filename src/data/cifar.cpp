// SPDX-License-Identifier: Apache-2.0
// Both CIFAR formats are files of equal records: label bytes, then a red, a green and a blue plane.
#include "data/cifar.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "core/error.hpp"
#include "core/text.hpp"
#include "io/mapped_file.hpp"

namespace enas::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPixelBytes = 3072;

/// The labels at the start of a record; the last one is the image's class.
struct Format {
  const char* name;
  std::vector<int> label_limits;  ///< number of values of each label byte
  std::size_t record_bytes() const { return label_limits.size() + kPixelBytes; }
};

using Files = std::vector<io::MappedFile>;

io::MappedFile map_file(const fs::path& path, const char* format_name) {
  std::error_code error;
  if (!fs::exists(path, error) && !error) {
    throw InputError(concat(path.string(), " is not there; data.path names the folder of ",
                            format_name, " in its binary version"),
                     ExitCode::missing_input);
  }
  return io::MappedFile(path);
}

void append(const io::MappedFile& file, const Format& format, std::size_t num_records,
            ImageSplit& split) {
  const std::string name = file.path().string();
  const std::span<const std::byte> bytes = file.bytes();
  const std::size_t expected = num_records * format.record_bytes();
  if (bytes.size() != expected) {
    throw InputError(concat(name, ": offset ", std::min(bytes.size(), expected), ": expected ",
                            expected, " bytes in all (", num_records, " records of ",
                            format.record_bytes(), "), found ", bytes.size()));
  }
  for (std::size_t start = 0; start < bytes.size(); start += format.record_bytes()) {
    int label = 0;
    for (std::size_t i = 0; i < format.label_limits.size(); ++i) {
      label = std::to_integer<int>(bytes[start + i]);
      if (label < format.label_limits[i]) continue;
      throw InputError(concat(name, ": offset ", start + i, " (record ",
                              start / format.record_bytes(), "): expected a label of 0 to ",
                              format.label_limits[i] - 1, ", found ", label));
    }
    split.labels.push_back(label);
    const std::byte* pixels = bytes.data() + start + format.label_limits.size();
    split.pixels.push_back(reinterpret_cast<const std::uint8_t*>(pixels));
  }
}

ImageSet read(const fs::path& folder, const Format& format, std::span<const char* const> train,
              std::size_t train_records, const char* test, const ImageSplitOptions& options) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw InputError(concat("the folder ", folder.string(), " of ", format.name,
                            " is not there or not a folder; data.path names it"),
                     ExitCode::missing_input);
  }
  constexpr std::size_t kTestRecords = 10000;
  ImageSet set;
  set.name = format.name;
  set.num_classes = format.label_limits.back();
  const auto files = std::make_shared<Files>();
  ImageSplit all;
  for (const char* file : train) {
    files->push_back(map_file(folder / file, format.name));
    append(files->back(), format, train_records, all);
  }
  files->push_back(map_file(folder / test, format.name));
  append(files->back(), format, kTestRecords, set.test);
  set.storage = files;
  split_images(all, options, set);
  return set;
}

}  // namespace

ImageSet read_cifar10(const fs::path& folder, const ImageSplitOptions& options) {
  constexpr std::array kTrain = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                 "data_batch_4.bin", "data_batch_5.bin"};
  return read(folder, {"CIFAR-10", {10}}, kTrain, 10000, "test_batch.bin", options);
}

ImageSet read_cifar100(const fs::path& folder, const ImageSplitOptions& options) {
  constexpr std::array kTrain = {"train.bin"};
  return read(folder, {"CIFAR-100", {20, 100}}, kTrain, 50000, "test.bin", options);
}

}  // namespace enas::data
