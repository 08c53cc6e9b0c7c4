// SPDX-License-Identifier: Apache-2.0
#include "run/checkpoint_file.hpp"

#include <limits>
#include <type_traits>

#include "core/error.hpp"
#include "core/text.hpp"
#include "io/sealed_file.hpp"

namespace enas::run {

namespace {

void read_array(const io::ImageReader& image, const std::string& group, const NamedArray& array) {
  std::visit(
      [&](auto view) {
        using T = typename decltype(view)::value_type;
        image.read_into<T>(group + "/" + array.name, view, array.shape);
      },
      array.values);
}

void check_count(std::int64_t count, const std::string& where) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 2;
  if (count >= 0 && count <= kMost) return;
  throw InputError(concat(where, " is ", count, "; it must be in [0, ", kMost, "]"));
}

/// Throws unless the stored array can be read into `array` and is finite. Reads a copy.
void check_array(const io::ImageReader& image, const std::string& file, const std::string& group,
                 const NamedArray& array) {
  std::visit(
      [&](auto view) {
        using T = typename decltype(view)::value_type;
        std::vector<T> copy(view.size());
        image.read_into<T>(group + "/" + array.name, std::span<T>(copy), array.shape);
        if (!all_finite({array.name, array.shape, std::span<T>(copy)})) {
          throw InputError(
              concat(file, ": ", group, "/", array.name, " holds values that are not finite"));
        }
        if constexpr (std::is_same_v<T, std::int64_t>) {
          for (const auto count : copy)
            check_count(count, concat(file, ": ", group, "/", array.name));
        }
      },
      array.values);
}

/// Before anything else is read of it.
Identity identity_of(const io::ImageReader& image, const std::string& file,
                     const CheckpointKind& kind) {
  const std::string format =
      image.has_attribute("/", "format") ? image.string_attribute("/", "format") : "";
  if (format.starts_with("enas_hpc ") && format != kind.format) {
    throw InputError(concat(file, " is an ", format, "; wanted is an ", kind.format));
  }
  if (format != kind.format) {
    throw InputError(concat(file, " is an HDF5 file but not a checkpoint of this program (\"",
                            kind.format, "\")"));
  }
  const auto version = image.int_attribute("/", "format_version");
  if (version != kind.version) {
    throw InputError(concat(file, " has format version ", version, "; this program reads version ",
                            kind.version));
  }
  if (!image.has_attribute("/", "complete")) throw InputError(file + " is not complete");
  return read_identity(image, file);
}

}  // namespace

void begin_checkpoint(io::ImageWriter& image, const CheckpointKind& kind, const Identity& identity,
                      std::int64_t step) {
  image.attribute("/", "format", kind.format);
  image.attribute("/", "format_version", kind.version);
  image.attribute("/", "step", step);
  write_identity(image, identity);
}

void write_array(io::ImageWriter& image, const std::string& group, const NamedArray& array) {
  std::visit(
      [&](auto view) {
        using T = typename decltype(view)::value_type;
        image.dataset<T>(group + "/" + array.name, std::span<const T>(view), array.shape);
      },
      array.values);
}

io::Image finish_checkpoint(io::ImageWriter& image) {
  image.attribute("/", "complete", std::int64_t{1});
  return image.finish();
}

CheckpointReader::CheckpointReader(const std::filesystem::path& path, const CheckpointKind& kind)
    : file_(path.string()),
      image_(io::read_sealed(path), file_),
      identity_(identity_of(image_, file_, kind)) {}

void CheckpointReader::check_arrays(const std::string& group,
                                    const std::vector<NamedArray>& arrays) const {
  for (const auto& array : arrays) check_array(image_, file_, group, array);
}

void CheckpointReader::read_arrays(const std::string& group,
                                   const std::vector<NamedArray>& arrays) const {
  for (const auto& array : arrays) read_array(image_, group, array);
}

void CheckpointReader::load_arrays(const std::string& group,
                                   const std::vector<NamedArray>& arrays) const {
  check_arrays(group, arrays);
  read_arrays(group, arrays);
}

int stored_threads(const std::vector<CheckpointFile>& candidates, const CheckpointKind& kind) {
  for (const auto& candidate : candidates) {
    try {
      return CheckpointReader(candidate.path, kind).identity().threads;
    } catch (const InputError&) {
      // Loading names what is wrong with it.
    }
  }
  return 0;
}

}  // namespace enas::run
