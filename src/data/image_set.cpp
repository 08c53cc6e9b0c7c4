// SPDX-License-Identifier: Apache-2.0
// Takes the validation split off a pool of training images and digests the result.
#include "data/image_set.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <set>

#include "core/error.hpp"
#include "core/random.hpp"
#include "core/text.hpp"

namespace enas::data {
namespace {

// The split belongs to the data: runs with different seeds are scored on the same images.
constexpr std::uint64_t kSplitSeed = 0;

ImageSplit take(const ImageSplit& all, std::span<const std::size_t> chosen) {
  ImageSplit split;
  for (const std::size_t image : chosen) {
    split.pixels.push_back(all.pixels[image]);
    split.labels.push_back(all.labels[image]);
  }
  return split;
}

std::vector<std::size_t> order_of(const ImageSplit& all, bool shuffle) {
  std::vector<std::size_t> order(all.pixels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (!shuffle) return order;
  RandomStream stream(kSplitSeed, {.purpose = Purpose::image_split});
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[stream.next_below(i)]);
  }
  return order;
}

/// Number of images that are trained on.
std::int64_t train_size(std::int64_t available, const ImageSplitOptions& options,
                        const std::string& name) {
  if (options.valid_size < 1 || options.valid_size >= available) {
    throw ConfigError(concat("data.valid_size = ", options.valid_size, ": ", name, " has ",
                             available, " training images, of which 1 to ", available - 1,
                             " can be the validation split"));
  }
  const std::int64_t left = available - options.valid_size;
  if (options.limit_train < 0 || options.limit_train > left) {
    throw ConfigError(concat("data.limit_train = ", options.limit_train, ": ", name, " has ", left,
                             " training images without the validation split's ", options.valid_size,
                             "; 1 to ", left, " are allowed, or 0 for all"));
  }
  return options.limit_train > 0 ? options.limit_train : left;
}

/// Throws where the images of a class lie together, so that the last ones are no fair validation
/// split. A handful of images may lie so by chance.
void check_order(const ImageSplit& all, const std::string& name) {
  constexpr std::size_t kFewImages = 50;
  if (all.labels.size() < kFewImages) return;
  const std::set<std::int32_t> classes(all.labels.begin(), all.labels.end());
  std::size_t runs = 1;
  for (std::size_t i = 1; i < all.labels.size(); ++i) {
    if (all.labels[i] != all.labels[i - 1]) ++runs;
  }
  if (classes.size() == 1 || runs > classes.size()) return;
  throw InputError(concat(name, ": its ", all.labels.size(),
                          " training images are sorted by class (", classes.size(),
                          " classes, one after the other), so the last of them are no "
                          "fair validation split; set data.shuffle_split = true"));
}

void add_split(io::Digester& digester, const ImageSplit& split, std::size_t image_bytes) {
  digester.add_value(split.pixels.size());
  digester.add_values(std::span<const std::int32_t>(split.labels));
  for (const std::uint8_t* image : split.pixels) {
    digester.add_values(std::span<const std::uint8_t>(image, image_bytes));
  }
}

/// Throws where the two splits cannot be of one kind.
void check_classes(const ImageSet& set) {
  std::vector<bool> trained(static_cast<std::size_t>(set.num_classes), false);
  for (const std::int32_t label : set.train.labels) trained[static_cast<std::size_t>(label)] = true;
  for (const std::int32_t label : set.valid.labels) {
    if (trained[static_cast<std::size_t>(label)]) continue;
    throw InputError(concat(set.name, ": class ", label, " is in the validation split but not in ",
                            "the training split of ", set.train.size(),
                            " images; if the images are sorted by class, set data.shuffle_split = "
                            "true, else raise data.limit_train"));
  }
}

}  // namespace

void digest_images(ImageSet& set) {
  io::Digester digester;
  for (const int value : {set.shape.channels, set.shape.height, set.shape.width,
                          static_cast<int>(set.order), set.num_classes}) {
    digester.add_value(static_cast<std::uint64_t>(value));
  }
  const auto image_bytes = static_cast<std::size_t>(set.shape.num_values());
  add_split(digester, set.train, image_bytes);
  add_split(digester, set.valid, image_bytes);
  io::Digester without_test = digester;
  add_split(without_test, {}, image_bytes);
  add_split(digester, set.test, image_bytes);
  set.digest = digester.finish();
  set.digest_without_test = without_test.finish();
}

void split_images(const ImageSplit& all, const ImageSplitOptions& options, ImageSet& set) {
  expect(all.pixels.size() == all.labels.size(), "every image has a label");
  expect(std::ranges::all_of(
             all.labels, [&](std::int32_t label) { return label >= 0 && label < set.num_classes; }),
         "labels are classes");
  const auto num_train = static_cast<std::size_t>(train_size(all.size(), options, set.name));
  if (!options.shuffle_split) check_order(all, set.name);
  const std::vector<std::size_t> order = order_of(all, options.shuffle_split);
  const std::span<const std::size_t> chosen(order);
  set.train = take(all, chosen.first(num_train));
  set.valid = take(all, chosen.last(static_cast<std::size_t>(options.valid_size)));
  check_classes(set);
  digest_images(set);
}

}  // namespace enas::data
