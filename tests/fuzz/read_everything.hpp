// SPDX-License-Identifier: Apache-2.0
// Asks everything of an image that a reader of checkpoints might ask, whatever it holds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "io/hdf5_image.hpp"

namespace enas::io {

/// A failure of one thing is no reason not to read the next.
template <typename Work>
void try_to(Work&& work) {
  try {
    work();
  } catch (const InputError&) {
  }
}

template <typename T>
void read_both_ways(const ImageReader& image, const std::string& path) {
  try_to([&] {
    std::vector<T> again(image.read<T>(path).size());
    image.read_into<T>(path, again, image.shape(path));
  });
}

inline void read_attributes(const ImageReader& image, const std::string& path) {
  for (const char* name : {"format", "format_version", "step", "configuration", "unit"}) {
    if (!image.has_attribute(path, name)) continue;
    try_to([&] { image.int_attribute(path, name); });
    try_to([&] { image.double_attribute(path, name); });
    try_to([&] { image.string_attribute(path, name); });
  }
}

inline void read_group(const ImageReader& image, const std::string& group, int depth) {
  read_attributes(image, group);
  for (const auto& name : image.members(group)) {
    const std::string path = (group == "/" ? "/" : group + "/") + name;
    try_to([&] {
      if (image.kind(path) == "group") {
        if (depth < 4) read_group(image, path, depth + 1);
        return;
      }
      read_attributes(image, path);
      read_both_ways<float>(image, path);
      read_both_ways<double>(image, path);
      read_both_ways<std::int32_t>(image, path);
      read_both_ways<std::int64_t>(image, path);
      read_both_ways<std::uint8_t>(image, path);
      read_both_ways<std::uint64_t>(image, path);
      try_to([&] { image.read_strings(path); });
    });
  }
}

inline void read_everything(Image bytes) {
  try_to([&] { read_group(ImageReader(std::move(bytes), "fuzz.h5"), "/", 0); });
}

}  // namespace enas::io
