// SPDX-License-Identifier: Apache-2.0
// Checks shapes, layout and labels of an HDF5 file of images, and finds or reads its bytes.
#include "data/hdf5_images.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/text.hpp"
#include "io/hdf5_array_file.hpp"
#include "io/mapped_file.hpp"

namespace enas::data {
namespace {

namespace fs = std::filesystem;
using Shape = std::vector<std::int64_t>;

constexpr std::int64_t kMostImages = std::int64_t{1} << 31;
constexpr std::int64_t kLongestSide = std::int64_t{1} << 14;
constexpr std::int64_t kMostClasses = 100000;

/// The whole file mapped, or the bytes of datasets that cannot be mapped.
struct Storage {
  std::optional<io::MappedFile> mapped;
  std::vector<std::vector<std::uint8_t>> read;
};

struct Source {
  const fs::path& path;
  io::Hdf5ArrayFile file;

  [[noreturn]] void refuse(std::string_view dataset, std::string_view problem) const {
    throw InputError(concat(path.string(), ": \"", dataset, "\" ", problem));
  }
};

std::string describe(const Shape& shape) { return concat("[", join(shape, ", "), "]"); }

PixelOrder order_of(const Source& source, const Shape& shape) {
  const auto is_channels = [](std::int64_t n) { return n == 1 || n == 3 || n == 4; };
  const bool last = is_channels(shape[3]);
  const bool first = is_channels(shape[1]);
  const std::optional<std::string> layout = source.file.text_attribute("/images", "layout");
  if (layout && layout != "NHWC" && layout != "NCHW") {
    source.refuse("/images@layout", concat("is \"", *layout, "\", expected \"NHWC\" or \"NCHW\""));
  }
  if (!last && !first) {
    source.refuse("/images", concat("has shape ", describe(shape),
                                    ", expected [N, H, W, C] or [N, C, H, W] with 1, 3 or 4 "
                                    "channels C"));
  }
  const bool channels_first = last && first ? layout == "NCHW" : first;
  if (layout && channels_first != (layout == "NCHW")) {
    source.refuse("/images", concat("has shape ", describe(shape), ", which its layout ", *layout,
                                    " does not fit: channels must be 1, 3 or 4"));
  }
  return channels_first ? PixelOrder::channels_first : PixelOrder::channels_last;
}

Shape checked_shape(const Source& source, const std::string& images) {
  if (!source.file.exists(images)) source.refuse(images, "is expected and not there");
  const Shape shape = source.file.shape(images);
  const std::string kind = source.file.kind(images);
  if (kind != "uint8") source.refuse(images, concat("has type ", kind, ", expected uint8"));
  if (shape.size() != 4) {
    source.refuse(images, concat("has shape ", describe(shape),
                                 ", expected four lengths: ", "[N, H, W, C] or [N, C, H, W]"));
  }
  if (shape[0] < 1 || shape[0] >= kMostImages) {
    source.refuse(images, concat("has ", shape[0], " images, expected 1 to ", kMostImages - 1));
  }
  if (std::any_of(shape.begin() + 1, shape.end(),
                  [](std::int64_t length) { return length < 1 || length > kLongestSide; })) {
    source.refuse(images,
                  concat("has shape ", describe(shape), ", expected sides of 1 to ", kLongestSide));
  }
  return shape;
}

const std::uint8_t* find_pixels(const Source& source, const std::string& images, Storage& storage) {
  if (const std::optional<io::FileRange> range = source.file.range(images)) {
    if (!storage.mapped) storage.mapped.emplace(source.path);
    const std::span<const std::byte> bytes = storage.mapped->bytes();
    if (range->offset > bytes.size() || range->length > bytes.size() - range->offset) {
      source.refuse(images, "is no longer whole: the file changed while it was read");
    }
    return reinterpret_cast<const std::uint8_t*>(bytes.data() + range->offset);
  }
  storage.read.push_back(source.file.read_bytes(images));
  return storage.read.back().data();
}

std::vector<std::int32_t> read_labels(const Source& source, const std::string& labels,
                                      std::int64_t num_images, std::int64_t num_classes) {
  if (!source.file.exists(labels)) source.refuse(labels, "is expected and not there");
  const Shape shape = source.file.shape(labels);
  if (shape != Shape{num_images}) {
    source.refuse(labels, concat("has shape ", describe(shape), ", expected one label an image: [",
                                 num_images, "]"));
  }
  std::vector<std::int32_t> checked;
  for (const std::int64_t label : source.file.read_integers(labels)) {
    if (label < 0 || label >= num_classes) {
      source.refuse(
          labels, concat("[", checked.size(), "] is ", label, ", expected 0 to ", num_classes - 1));
    }
    checked.push_back(static_cast<std::int32_t>(label));
  }
  return checked;
}

ImageSplit make_split(const std::uint8_t* pixels, std::int64_t image_bytes,
                      std::vector<std::int32_t> labels) {
  ImageSplit split;
  split.labels = std::move(labels);
  for (std::size_t i = 0; i < split.labels.size(); ++i) {
    split.pixels.push_back(pixels + static_cast<std::int64_t>(i) * image_bytes);
  }
  return split;
}

void read_test(const Source& source, const Shape& train_shape, Storage& storage, ImageSet& set) {
  const bool has_images = source.file.exists("/test_images");
  if (!has_images && !source.file.exists("/test_labels")) return;
  const Shape shape = checked_shape(source, "/test_images");
  if (!std::equal(shape.begin() + 1, shape.end(), train_shape.begin() + 1)) {
    source.refuse("/test_images",
                  concat("has shape ", describe(shape), ", expected that of ", "\"/images\", ",
                         describe(train_shape), ", but for the first length"));
  }
  std::vector<std::int32_t> labels = read_labels(source, "/test_labels", shape[0], set.num_classes);
  set.test = make_split(find_pixels(source, "/test_images", storage), set.shape.num_values(),
                        std::move(labels));
}

}  // namespace

ImageSet read_hdf5_images(const fs::path& file, const ImageSplitOptions& options) {
  const Source source{file, io::Hdf5ArrayFile(file)};
  const Shape shape = checked_shape(source, "/images");
  ImageSet set;
  set.name = file.filename().string();
  set.order = order_of(source, shape);
  const bool first = set.order == PixelOrder::channels_first;
  set.shape = {.channels = static_cast<int>(shape[first ? 1 : 3]),
               .height = static_cast<int>(shape[first ? 2 : 1]),
               .width = static_cast<int>(shape[first ? 3 : 2])};
  std::vector<std::int32_t> labels = read_labels(source, "/labels", shape[0], kMostClasses);
  const auto [smallest, largest] = std::minmax_element(labels.begin(), labels.end());
  if (*smallest == *largest) {
    source.refuse("/labels", concat("has only the label ", *smallest, ", expected two or more"));
  }
  set.num_classes = 1 + *largest;
  const auto storage = std::make_shared<Storage>();
  const ImageSplit all = make_split(find_pixels(source, "/images", *storage),
                                    set.shape.num_values(), std::move(labels));
  read_test(source, shape, *storage, set);
  set.storage = storage;
  split_images(all, options, set);
  return set;
}

}  // namespace enas::data
