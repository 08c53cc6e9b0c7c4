// SPDX-License-Identifier: Apache-2.0
// Any bytes as a checkpoint: as a file with its seal, and, as if a seal fitted, as an HDF5 image.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "io/durable_file.hpp"
#include "io/hdf5_image.hpp"

namespace enas::io {

/// Everything that a reader of checkpoints asks of a dataset, whatever it is.
void read_dataset(const ImageReader& image, const std::string& path) {
  const std::string kind = image.kind(path);
  const auto shape = image.shape(path);
  if (kind == "float32") {
    const auto values = image.read<float>(path);
    std::vector<float> again(values.size());
    image.read_into<float>(path, again, shape);
  } else if (kind == "float64") {
    image.read<double>(path);
  } else if (kind == "int32") {
    image.read<std::int32_t>(path);
  } else if (kind == "int64") {
    image.read<std::int64_t>(path);
  } else {
    image.read_strings(path);
  }
}

/// A failure of one thing is no reason not to read the next.
template <typename Work>
void try_to(Work&& work) {
  try {
    work();
  } catch (const InputError&) {
  }
}

void read_group(const ImageReader& image, const std::string& group, int depth) {
  for (const auto& name : image.members(group)) {
    const std::string path = (group == "/" ? "/" : group + "/") + name;
    try_to([&] {
      for (const char* attribute : {"step", "baseline", "format", "metric"}) {
        if (!image.has_attribute(path, attribute)) continue;
        try_to([&] { image.int_attribute(path, attribute); });
        try_to([&] { image.double_attribute(path, attribute); });
        try_to([&] { image.string_attribute(path, attribute); });
      }
      if (image.kind(path) == "group") {
        if (depth < 4) read_group(image, path, depth + 1);
      } else {
        read_dataset(image, path);
      }
    });
  }
}

void read_image(const std::uint8_t* data, std::size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  const ImageReader image(Image(std::vector<std::byte>(bytes, bytes + size)), "fuzz.h5");
  for (const char* name : {"format", "configuration", "data_digest"}) {
    try_to([&] { image.string_attribute("/", name); });
  }
  for (const char* name : {"format_version", "threads", "step", "complete"}) {
    try_to([&] { image.int_attribute("/", name); });
  }
  read_group(image, "/", 0);
}

void read_file(const std::uint8_t* data, std::size_t size) {
  static const auto path =
      std::filesystem::temp_directory_path() / ("fuzz_checkpoint." + std::to_string(getpid()));
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  try_to([&] { ImageReader(Image(read_sealed(path)), path.string()); });
  std::filesystem::remove(path);
}

}  // namespace enas::io

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  enas::io::try_to([&] { enas::io::read_image(data, size); });
  enas::io::read_file(data, size);
  return 0;
}
