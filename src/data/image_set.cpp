// SPDX-License-Identifier: Apache-2.0
// Takes the validation split off a pool of training images and digests the result.
#include "data/image_set.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/random.hpp"
#include "core/text.hpp"

namespace enas::data {
namespace {

// Not the run's seed: runs with different seeds are scored on the same images.
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

/// Whether the images are sorted by class, so that the last ones are no fair validation split.
/// False for very few images, which may be so by chance.
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

/// Number of images of each class.
using ClassCounts = std::vector<std::int64_t>;

ClassCounts count_classes(const ImageSplit& split, int num_classes) {
  ClassCounts counts(static_cast<std::size_t>(num_classes), 0);
  for (const std::int32_t label : split.labels) ++counts[static_cast<std::size_t>(label)];
  return counts;
}

/// Number of images of each class, among some images of a split.
ClassCounts count_classes(const ImageSplit& split, std::span<const std::size_t> images,
                          int num_classes) {
  ClassCounts counts(static_cast<std::size_t>(num_classes), 0);
  for (const std::size_t image : images) ++counts[static_cast<std::size_t>(split.labels[image])];
  return counts;
}

/// The classes of the first split that the second one does not have.
std::vector<int> missing_classes(const ClassCounts& of, const ClassCounts& in) {
  std::vector<int> missing;
  for (std::size_t i = 0; i < of.size(); ++i) {
    if (of[i] > 0 && in[i] == 0) missing.push_back(static_cast<int>(i));
  }
  return missing;
}

/// "class 3", "classes 3, 5, 6".
std::string class_names(const std::vector<int>& classes) {
  constexpr std::size_t kShown = 10;
  const std::vector<int> first(
      classes.begin(), classes.begin() + static_cast<long>(std::min(kShown, classes.size())));
  return concat(classes.size() == 1 ? "class " : "classes ", join(first, ", "),
                classes.size() > kShown ? concat(" and ", classes.size() - kShown, " more") : "");
}

/// Classes with images in the validation split and none in the training split.
std::vector<int> untrained_classes(const ImageSplit& all, const ImageSplitOptions& options,
                                   int num_classes) {
  const std::vector<std::size_t> order = order_of(all, options.shuffle_split);
  const std::int64_t num_valid = options.valid_size;
  const std::int64_t num_train =
      options.limit_train > 0 ? options.limit_train : all.size() - num_valid;
  const std::span<const std::size_t> images(order);
  return missing_classes(
      count_classes(all, images.last(static_cast<std::size_t>(num_valid)), num_classes),
      count_classes(all, images.first(static_cast<std::size_t>(num_train)), num_classes));
}

bool is_fair(const ImageSplit& all, const ImageSplitOptions& options, int num_classes) {
  if (!options.shuffle_split && is_sorted_by_class(all)) return false;
  return untrained_classes(all, options, num_classes).empty();
}

/// Which keys to set for a fair split, the smallest change first; empty where no key helps.
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
  // A validation split with fewer images than classes is too small to compare children.
  for (const bool shuffle : {options.shuffle_split, true}) {
    changed.shuffle_split = shuffle;
    for (changed.valid_size = options.valid_size / 2; changed.valid_size >= num_classes;
         changed.valid_size /= 2) {
      if (is_fair(all, changed, num_classes)) return text_of(changed);
    }
  }
  return {};
}

void add_split(io::Digester& digester, const ImageSplit& split, std::size_t image_bytes) {
  digester.add_value(split.pixels.size());
  digester.add_values(std::span<const std::int32_t>(split.labels));
  for (const std::uint8_t* image : split.pixels) {
    digester.add_values(std::span<const std::uint8_t>(image, image_bytes));
  }
}

/// Throws InputError when the validation split does not fit the training split.
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
  const std::vector<int> untrained = untrained_classes(all, options, set.num_classes);
  throw InputError(concat(set.name, ": ", class_names(untrained),
                          untrained.size() == 1 ? " is" : " are",
                          " in the validation split but not in the training split; ", advice));
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

std::vector<std::string> class_warnings(const ImageSet& set) {
  const ClassCounts train = count_classes(set.train, set.num_classes);
  const ClassCounts valid = count_classes(set.valid, set.num_classes);
  const ClassCounts test = count_classes(set.test, set.num_classes);
  std::vector<int> without_image;
  std::vector<int> with_images;
  for (std::size_t i = 0; i < train.size(); ++i) {
    const bool has_images = train[i] + valid[i] + test[i] > 0;
    (has_images ? with_images : without_image).push_back(static_cast<int>(i));
  }
  std::vector<std::string> warnings;
  if (!without_image.empty()) {
    warnings.push_back(concat(set.name, ": labels ", with_images.front(), " to ",
                              with_images.back(), ": ", set.num_classes, " classes, ",
                              class_names(without_image),
                              without_image.size() == 1 ? " has" : " have",
                              " no image; labels are meant to count from 0 without gaps"));
  }
  if (const std::vector<int> untrained = missing_classes(test, train); !untrained.empty()) {
    std::int64_t images = 0;
    for (const int each : untrained) images += test[static_cast<std::size_t>(each)];
    warnings.push_back(concat(set.name, ": the test split has ", class_names(untrained), " (",
                              images, " of its ", set.test.size(),
                              " images), of which there is no training image"));
  }
  return warnings;
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
  digest_images(set);
}

}  // namespace enas::data
