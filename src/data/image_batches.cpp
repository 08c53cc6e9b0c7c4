// SPDX-License-Identifier: Apache-2.0
// Normalises, crops, flips and cuts images on their way into a batch. Plain loops: this runs on a
// thread of its own, beside LibTorch's.
#include "data/image_batches.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::data {
namespace {

/// A rectangle of pixels; empty where an end is not after its begin.
struct Box {
  int top = 0;
  int bottom = 0;
  int left = 0;
  int right = 0;
};

/// Number of bytes from one value to the next.
struct Strides {
  std::int64_t channel;
  std::int64_t row;
  std::int64_t column;
};

Strides strides_of(const ImageSet& set) {
  const std::int64_t width = set.shape.width;
  if (set.order == PixelOrder::channels_first) return {set.shape.height * width, width, 1};
  return {1, width * set.shape.channels, set.shape.channels};
}

void check_side(const char* key, int value, const ImageShape& shape) {
  const int side = std::min(shape.height, shape.width);
  if (value >= 0 && value < side) return;
  throw ConfigError(concat(key, " = ", value, ": 0 to ", side - 1, " are allowed for images of ",
                           shape.height, " x ", shape.width));
}

/// Mean and standard deviation of one channel.
struct Moments {
  double mean;
  double standard_deviation;
};

Moments moments(const ImageSet& set, int channel) {
  const Strides strides = strides_of(set);
  std::uint64_t sum = 0;
  std::uint64_t sum_of_squares = 0;
  for (const std::uint8_t* image : set.train.pixels) {
    for (int y = 0; y < set.shape.height; ++y) {
      const std::uint8_t* row = image + channel * strides.channel + y * strides.row;
      for (int x = 0; x < set.shape.width; ++x) {
        const std::uint64_t value = row[x * strides.column];
        sum += value;
        sum_of_squares += value * value;
      }
    }
  }
  const auto count =
      static_cast<std::int64_t>(set.train.pixels.size()) * set.shape.height * set.shape.width;
  // Sums of differences from the integer nearest to the mean are exact, and 0 for a constant
  // channel.
  const auto centre = static_cast<std::int64_t>(sum) / count;
  const std::int64_t shifted_sum = static_cast<std::int64_t>(sum) - centre * count;
  const std::int64_t shifted_squares = static_cast<std::int64_t>(sum_of_squares) -
                                       2 * centre * static_cast<std::int64_t>(sum) +
                                       centre * centre * count;
  const double shifted_mean = static_cast<double>(shifted_sum) / static_cast<double>(count);
  const double variance = static_cast<double>(shifted_squares) / static_cast<double>(count) -
                          shifted_mean * shifted_mean;
  return {(static_cast<double>(centre) + shifted_mean) / 255.0, std::sqrt(variance) / 255.0};
}

}  // namespace

/// What is done to one image.
struct ImageBatches::Changes {
  int down = 0;   ///< row of the source that becomes row 0; outside there are zeros
  int right = 0;  ///< likewise its column
  bool flip = false;
  Box cut;
};

ImageBatches::ImageBatches(const ImageSet& set, const AugmentOptions& augment, int slots,
                           int batch_size, std::uint64_t seed, std::string_view section)
    : set_(set), augment_(augment), slots_(slots), batch_size_(batch_size), seed_(seed) {
  expect(slots >= 1 && batch_size >= 1, "at least one slot and one image a batch");
  if (set.train.size() < std::int64_t{slots} * batch_size) {
    throw ConfigError(
        concat(section, ".slots = ", slots, " batches of ", section, ".batch_size = ", batch_size,
               " need ", std::int64_t{slots} * batch_size,
               " images a step, and the training split of ", set.name, " has ", set.train.size(),
               ": lower ", section, ".slots or ", section, ".batch_size"));
  }
  check_side("data.pad", augment.pad, set.shape);
  check_side(augment_.cutout_key, augment.cutout, set.shape);
  measure();
}

void ImageBatches::measure() {
  for (int channel = 0; channel < set_.shape.channels; ++channel) {
    const Moments found = moments(set_, channel);
    mean_.push_back(found.mean);
    standard_deviation_.push_back(found.standard_deviation);
    // A constant channel has a deviation of 0 and is only shifted.
    const double scale = found.standard_deviation > 0 ? found.standard_deviation : 1.0;
    std::array<float, 256>& table = normalised_.emplace_back();
    for (std::size_t value = 0; value < table.size(); ++value) {
      table[value] = static_cast<float>((static_cast<double>(value) / 255.0 - found.mean) / scale);
    }
  }
}

std::int64_t ImageBatches::steps_in_pass() const {
  return set_.train.size() / (std::int64_t{slots_} * batch_size_);
}

void ImageBatches::permute(std::int64_t round) const {
  if (round == permuted_round_) return;
  permutation_.resize(set_.train.pixels.size());
  std::iota(permutation_.begin(), permutation_.end(), 0U);
  RandomStream stream(
      seed_, {.purpose = Purpose::image_order, .index = static_cast<std::uint64_t>(round)});
  for (std::size_t i = permutation_.size(); i > 1; --i) {
    std::swap(permutation_[i - 1], permutation_[stream.next_below(i)]);
  }
  permuted_round_ = round;
}

ImageBatches::Changes ImageBatches::draw_changes(RandomStream stream) const {
  const auto below = [&](int bound) {
    return static_cast<int>(stream.next_below(static_cast<std::uint64_t>(bound)));
  };
  // Every number is drawn, also those that are not used, so that switching one change off leaves
  // the others as they were.
  Changes changes;
  changes.down = below(2 * augment_.pad + 1) - augment_.pad;
  changes.right = below(2 * augment_.pad + 1) - augment_.pad;
  changes.flip = below(2) == 1 && augment_.flip;
  const int row = below(set_.shape.height);
  const int column = below(set_.shape.width);
  // Centre: DeVries & Taylor (2017).
  const int before = augment_.cutout_corner ? 0 : augment_.cutout / 2;
  changes.cut = {.top = std::max(row - before, 0),
                 .bottom = std::min(row - before + augment_.cutout, set_.shape.height),
                 .left = std::max(column - before, 0),
                 .right = std::min(column - before + augment_.cutout, set_.shape.width)};
  return changes;
}

ImageBatch ImageBatches::empty_batch(std::int64_t size) const {
  const ImageShape& shape = set_.shape;
  return {at::empty({size, shape.channels, shape.height, shape.width}, at::kFloat,
                    at::MemoryFormat::ChannelsLast),  // [B, C, H, W] in the order [B, H, W, C]
          at::empty({size}, at::kLong)};
}

void ImageBatches::write(const ImageSplit& split, std::size_t from, const Changes& changes,
                         ImageBatch& batch, std::int64_t to) const {
  const auto [channels, height, width] = set_.shape;
  const Strides strides = strides_of(set_);
  const std::uint8_t* image = split.pixels[from];
  float* const target = batch.input.data_ptr<float>() + to * set_.shape.num_values();
  batch.target.data_ptr<std::int64_t>()[to] = split.labels[from];
  const int first = std::max(0, -changes.right);
  const int end = std::min(width, width - changes.right);
  const bool inside_only = changes.right == 0 && changes.down == 0;
  if (!inside_only) std::fill_n(target, set_.shape.num_values(), 0.0F);
  for (int y = std::max(0, -changes.down); y < std::min(height, height - changes.down); ++y) {
    float* const row = target + std::int64_t{y} * width * channels;
    for (int channel = 0; channel < channels; ++channel) {
      const float* const table = normalised_[static_cast<std::size_t>(channel)].data();
      const std::uint8_t* const source = image + channel * strides.channel +
                                         (y + changes.down) * strides.row +
                                         changes.right * strides.column;
      for (int x = first; x < end; ++x) {
        const int place = changes.flip ? width - 1 - x : x;
        row[place * channels + channel] = table[source[x * strides.column]];
      }
    }
  }
  const Box& cut = changes.cut;
  for (int y = cut.top; y < cut.bottom; ++y) {
    std::fill(target + (y * width + cut.left) * channels,
              target + (y * width + std::max(cut.left, cut.right)) * channels, 0.0F);
  }
}

ImageBatch ImageBatches::training(const TrainingPlace& place) const {
  expect(place.round >= 0 && place.index >= 0 && place.index < steps_in_pass() && place.step >= 0 &&
             place.slot >= 0 && place.slot < slots_,
         "the batch lies inside the pass");
  permute(place.round);
  ImageBatch batch = empty_batch(batch_size_);
  const std::int64_t first = (place.index * slots_ + place.slot) * batch_size_;
  for (int i = 0; i < batch_size_; ++i) {
    const RandomStream stream(seed_, {.purpose = Purpose::augmentation,
                                      .index = static_cast<std::uint64_t>(place.slot),
                                      .step = static_cast<std::uint64_t>(place.step),
                                      .tensor = static_cast<std::uint64_t>(i)});
    write(set_.train, permutation_[static_cast<std::size_t>(first + i)], draw_changes(stream),
          batch, i);
  }
  return batch;
}

ImageBatch ImageBatches::reward(int batch_size, std::uint64_t rollout, std::uint64_t step) const {
  if (batch_size < 1 || batch_size > set_.valid.size()) {
    throw ConfigError(concat("controller.batch_size = ", batch_size, ": the validation split of ",
                             set_.name, " has ", set_.valid.size(), " images, of which 1 to ",
                             set_.valid.size(), " can be scored at once"));
  }
  std::vector<std::uint32_t> images(set_.valid.pixels.size());
  std::iota(images.begin(), images.end(), 0U);
  RandomStream stream(seed_, {.purpose = Purpose::reward_batch, .index = rollout, .step = step});
  ImageBatch batch = empty_batch(batch_size);
  for (int i = 0; i < batch_size; ++i) {
    const auto place = static_cast<std::size_t>(i);
    std::swap(images[place], images[place + stream.next_below(images.size() - place)]);
    write(set_.valid, images[place], {}, batch, i);
  }
  return batch;
}

ImageBatch ImageBatches::validation(std::int64_t begin, std::int64_t count) const {
  return in_order(set_.valid, begin, count);
}

ImageBatch ImageBatches::test(std::int64_t begin, std::int64_t count) const {
  return in_order(set_.test, begin, count);
}

ImageBatch ImageBatches::in_order(const ImageSplit& split, std::int64_t begin,
                                  std::int64_t count) const {
  expect(begin >= 0 && count >= 1 && begin <= split.size() - count,
         "the batch lies inside the split");
  ImageBatch batch = empty_batch(count);
  for (std::int64_t i = 0; i < count; ++i) {
    write(split, static_cast<std::size_t>(begin + i), {}, batch, i);
  }
  return batch;
}

}  // namespace enas::data
