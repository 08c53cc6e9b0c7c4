// SPDX-License-Identifier: Apache-2.0
#include "task/image_task.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "core/text.hpp"
#include "data/cifar.hpp"
#include "data/hdf5_images.hpp"
#include "data/shapes.hpp"

namespace enas::task {

namespace {

data::ImageSet load_images(const DataOptions& options) {
  switch (options.source) {
    case DataSource::cifar10:
      return data::read_cifar10(options.path, options.split);
    case DataSource::cifar100:
      return data::read_cifar100(options.path, options.split);
    case DataSource::hdf5:
      return data::read_hdf5_images(options.path, options.split);
    case DataSource::shapes:
      return data::make_shapes(options.shapes);
    case DataSource::folder:
    case DataSource::markov:
      break;
  }
  throw ConfigError(
      "data.source is a source of text, but the space is one of images; allowed are cifar10, "
      "cifar100, hdf5 and shapes (data.source)");
}

nn::Batch to_batch(data::ImageBatch images) {
  return {std::move(images.input), std::move(images.target)};
}

}  // namespace

ImageTask::ImageTask(const Options& options, const SlotRange& own_slots)
    : options_(options),
      images_(load_images(options.data)),
      metric_{Metric::Kind::accuracy, std::numeric_limits<double>::quiet_NaN()},
      batches_(images_, options.data.augment, options.training.slots, options.training.batch_size,
               options.seed, options.training.section) {
  const auto require = [&](std::int64_t batch_size, const char* key) {
    if (batch_size <= images_.valid.size()) return;
    const bool embedded = options.data.source == DataSource::shapes;
    throw ConfigError(concat(key, " is ", batch_size, ", but the validation split has only ",
                             images_.valid.size(), " images (",
                             embedded ? "data.shapes.valid_images" : "data.valid_size", "): set ",
                             key, " to at most ", images_.valid.size()));
  };
  require(options.reward.batch_size, "controller.batch_size");
  require(options.validation.batch_size, "validation.batch_size");
  if (own_slots.begin < own_slots.end) {
    prefetch_ = std::make_unique<data::TrainingPrefetch>(batches_, own_slots.begin, own_slots.end);
  }
}

std::string ImageTask::describe_data() const {
  return concat(images_.name, ": ", images_.train.size(), "/", images_.valid.size(), "/",
                images_.test.size(), " images ", images_.shape.height, "×", images_.shape.width,
                "×", images_.shape.channels, ", ", images_.num_classes, " classes");
}

Preprocessing ImageTask::preprocessing() const {
  const auto mean = batches_.mean();
  const auto deviation = batches_.standard_deviation();
  return {{}, {mean.begin(), mean.end()}, {deviation.begin(), deviation.end()}};
}

std::vector<std::string> ImageTask::data_warnings() const { return data::class_warnings(images_); }

nn::Batch ImageTask::training_batch(const StepPlace& place, int slot) {
  expect(prefetch_ != nullptr, "only owners of a slot ask for training batches");
  return to_batch(prefetch_->get({place.round, place.index, place.step, slot}));
}

nn::Score ImageTask::reward_score(const Scorer& child, int rollout, std::int64_t step) const {
  auto state = child.initial_state(options_.reward.batch_size);
  return child.score(
      to_batch(batches_.reward(options_.reward.batch_size, static_cast<std::uint64_t>(rollout),
                               static_cast<std::uint64_t>(step))),
      state);
}

std::int64_t ImageTask::validation_batches() const {
  // Whole batches only: with batch statistics the last, smaller one would be another measure.
  const std::int64_t all = images_.valid.size() / options_.validation.batch_size;
  const std::int64_t limit = options_.validation.batches;
  return limit > 0 ? std::min(all, limit) : all;
}

nn::Score ImageTask::validation_score(const Scorer& child) const {
  const std::int64_t size = options_.validation.batch_size;
  auto state = child.initial_state(size);
  nn::Score score;
  for (std::int64_t batch = 0; batch < validation_batches(); ++batch) {
    score += child.score(to_batch(batches_.validation(batch * size, size)), state);
  }
  return score;
}

nn::Score ImageTask::whole_validation_score(const Scorer& child) const {
  // Batches that differ by one image at most: a small one left over would have other statistics.
  const std::int64_t images = images_.valid.size();
  const std::int64_t most = options_.validation.batch_size;
  const std::int64_t num_batches = (images + most - 1) / most;
  nn::Score score;
  for (std::int64_t batch = 0; batch < num_batches; ++batch) {
    const std::int64_t begin = batch * images / num_batches;
    const std::int64_t size = (batch + 1) * images / num_batches - begin;
    auto state = child.initial_state(size);
    score += child.score(to_batch(batches_.validation(begin, size)), state);
  }
  return score;
}

const data::ImageSplit& ImageTask::images_of(Split split) const {
  return split == Split::validation ? images_.valid : images_.test;
}

std::int64_t ImageTask::num_parts(const SplitCut& cut) const {
  return (images_of(cut.split).size() + cut.batch_size - 1) / cut.batch_size;
}

nn::Score ImageTask::part_score(const Scorer& child, const SplitCut& cut, std::int64_t part) const {
  const data::ImageSplit& images = images_of(cut.split);
  const std::int64_t begin = part * cut.batch_size;
  const std::int64_t size = std::min<std::int64_t>(cut.batch_size, images.size() - begin);
  auto state = child.initial_state(size);
  return child.score(to_batch(cut.split == Split::validation ? batches_.validation(begin, size)
                                                             : batches_.test(begin, size)),
                     state);
}

std::string ImageTask::validation_text() const {
  return concat(validation_batches(), " batches of ", options_.validation.batch_size, " images");
}

std::string ImageTask::whole_validation_text() const {
  return concat("all ", images_.valid.size(), " images");
}

}  // namespace enas::task
