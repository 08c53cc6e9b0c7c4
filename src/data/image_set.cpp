// SPDX-License-Identifier: Apache-2.0
// Takes the validation split off a pool of training images and digests the result.
#include "data/image_set.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <vector>

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

/// Whether the images of a class lie together, so that the last ones are no fair validation split.
/// A handful of images may lie so by chance.
bool is_sorted_by_class(const ImageSplit& all) {
  constexpr std::size_t kFewImages = 50;
  if (all.labels.size() < kFewImages) return false;
  const std::set<std::int32_t> classes(all.labels.begin(), all.labels.end());
  std::size_t runs = 1;
  for (std::size_t i = 1; i < all.labels.size(); ++i) {
    if (all.labels[i] != all.labels[i - 1]) ++runs;
  }
  return classes.size() > 1 && runs <= classes.size();
}

/// A class with images in the validation split and none in the training split.
std::optional<std::int32_t> untrained_class(const ImageSplit& all,
                                            const ImageSplitOptions& options, int num_classes) {
  const std::vector<std::size_t> order = order_of(all, options.shuffle_split);
  const std::int64_t num_valid = options.valid_size;
  const std::int64_t num_train =
      options.limit_train > 0 ? options.limit_train : all.size() - num_valid;
  const std::span<const std::size_t> images(order);
  std::vector<bool> trained(static_cast<std::size_t>(num_classes), false);
  for (const std::size_t image : images.first(static_cast<std::size_t>(num_train))) {
    trained[static_cast<std::size_t>(all.labels[image])] = true;
  }
  for (const std::size_t image : images.last(static_cast<std::size_t>(num_valid))) {
    if (!trained[static_cast<std::size_t>(all.labels[image])]) return all.labels[image];
  }
  return std::nullopt;
}

bool is_fair(const ImageSplit& all, const ImageSplitOptions& options, int num_classes) {
  if (!options.shuffle_split && is_sorted_by_class(all)) return false;
  return !untrained_class(all, options, num_classes);
}

/// The keys to set for a split that is fair, the least change first; empty where there is none.
std::string remedy(const ImageSplit& all, const ImageSplitOptions& options, int num_classes) {
  const auto text_of = [&](const ImageSplitOptions& changed) {
    std::vector<std::string> keys;
    if (changed.shuffle_split != options.shuffle_split) keys.push_back("data.shuffle_split = true");
    if (changed.limit_train != options.limit_train) keys.push_back("data.limit_train = 0");
    if (changed.valid_size != options.valid_size) {
      keys.push_back(concat("data.valid_size = ", changed.valid_size));
    }
    return join(keys, " and ");
  };
  ImageSplitOptions changed = options;
  for (const bool shuffle : {options.shuffle_split, true}) {
    for (const std::int64_t limit : {options.limit_train, std::int64_t{0}}) {
      changed.shuffle_split = shuffle;
      changed.limit_train = limit;
      if (is_fair(all, changed, num_classes)) return text_of(changed);
    }
  }
  // A validation split with fewer images than classes would say little.
  for (const bool shuffle : {options.shuffle_split, true}) {
    changed.shuffle_split = shuffle;
    for (changed.valid_size = options.valid_size / 2; changed.valid_size >= num_classes;
         changed.valid_size /= 2) {
      if (is_fair(all, changed, num_classes)) return text_of(changed);
    }
  }
  return {};
}

/// Throws where the two splits cannot be of one kind.
void check_fair(const ImageSplit& all, const ImageSplitOptions& options, const ImageSet& set) {
  if (is_fair(all, options, set.num_classes)) return;
  const std::string keys = remedy(all, options, set.num_classes);
  const std::string advice =
      keys.empty() ? "the data have to change: every class of the validation split needs images "
                     "for the training split as well"
                   : "set " + keys;
  if (!options.shuffle_split && is_sorted_by_class(all)) {
    throw InputError(concat(set.name, ": its ", all.labels.size(),
                            " training images are sorted by class, so the last of them are no fair "
                            "validation split; ",
                            advice));
  }
  const std::int32_t label = *untrained_class(all, options, set.num_classes);
  throw InputError(concat(set.name, ": class ", label, ", which has ",
                          std::count(all.labels.begin(), all.labels.end(), label),
                          " images, is in the validation split but not in the training split; ",
                          advice));
}

}  // namespace

io::Digest digest_images(const ImageSet& set) {
  io::Digester digester;
  for (const int value : {set.shape.channels, set.shape.height, set.shape.width,
                          static_cast<int>(set.order), set.num_classes}) {
    digester.add_value(static_cast<std::uint64_t>(value));
  }
  const auto image_bytes = static_cast<std::size_t>(set.shape.num_values());
  for (const ImageSplit* split : {&set.train, &set.valid, &set.test}) {
    digester.add_value(split->pixels.size());
    digester.add_values(std::span<const std::int32_t>(split->labels));
    for (const std::uint8_t* image : split->pixels) {
      digester.add_values(std::span<const std::uint8_t>(image, image_bytes));
    }
  }
  return digester.finish();
}

void split_images(const ImageSplit& all, const ImageSplitOptions& options, ImageSet& set) {
  expect(all.pixels.size() == all.labels.size(), "every image has a label");
  expect(std::ranges::all_of(
             all.labels, [&](std::int32_t label) { return label >= 0 && label < set.num_classes; }),
         "labels are classes");
  const auto num_train = static_cast<std::size_t>(train_size(all.size(), options, set.name));
  check_fair(all, options, set);
  const std::vector<std::size_t> order = order_of(all, options.shuffle_split);
  const std::span<const std::size_t> chosen(order);
  set.train = take(all, chosen.first(num_train));
  set.valid = take(all, chosen.last(static_cast<std::size_t>(options.valid_size)));
  set.digest = digest_images(set);
}

}  // namespace enas::data
