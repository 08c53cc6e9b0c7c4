// SPDX-License-Identifier: Apache-2.0
#include "search/image_task.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "core/text.hpp"
#include "data/cifar.hpp"
#include "data/hdf5_images.hpp"
#include "data/shapes.hpp"

namespace enas::search {

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

supernet::Batch to_batch(data::ImageBatch images) {
  return {std::move(images.input), std::move(images.target)};
}

}  // namespace

ImageTask::ImageTask(const Settings& settings, const comm::Block& own_slots)
    : settings_(settings),
      images_(load_images(settings.data)),
      metric_{Metric::Kind::accuracy, std::numeric_limits<double>::quiet_NaN()},
      batches_(images_, settings.data.augment, settings.weights.slots, settings.weights.batch_size,
               settings.run.seed) {
  const auto require = [&](std::int64_t batch_size, const char* key) {
    if (batch_size <= images_.valid.size()) return;
    const bool embedded = settings.data.source == DataSource::shapes;
    throw ConfigError(concat(key, " is ", batch_size, ", but the validation split has only ",
                             images_.valid.size(), " images (",
                             embedded ? "data.shapes.valid_images" : "data.valid_size", ")"));
  };
  require(settings.rollout.batch_size, "controller.batch_size");
  require(settings.validation.batch_size, "validation.batch_size");
  if (own_slots.size() > 0) {
    prefetch_ = std::make_unique<data::TrainingPrefetch>(batches_, own_slots.begin, own_slots.end);
  }
}

std::string ImageTask::describe_data() const {
  return concat(images_.name, ": ", images_.train.size(), "/", images_.valid.size(), "/",
                images_.test.size(), " images ", images_.shape.height, "×", images_.shape.width,
                "×", images_.shape.channels, ", ", images_.num_classes, " classes");
}

supernet::Batch ImageTask::training_batch(const StepPlace& place, int slot) {
  expect(prefetch_ != nullptr, "only owners of a slot ask for training batches");
  return to_batch(prefetch_->get({place.round, place.index, place.step, slot}));
}

supernet::Score ImageTask::reward_score(const supernet::Supernet& supernet,
                                        const space::Architecture& child, int rollout,
                                        std::int64_t step) const {
  auto state = supernet.initial_state(settings_.rollout.batch_size);
  return supernet.score(
      child,
      to_batch(batches_.reward(settings_.rollout.batch_size, static_cast<std::uint64_t>(rollout),
                               static_cast<std::uint64_t>(step))),
      state);
}

std::int64_t ImageTask::validation_batches() const {
  // Whole batches only: with batch statistics the last, smaller one would be another measure.
  const std::int64_t all = images_.valid.size() / settings_.validation.batch_size;
  const std::int64_t limit = settings_.validation.batches;
  return limit > 0 ? std::min(all, limit) : all;
}

supernet::Score ImageTask::validation_score(const supernet::Supernet& supernet,
                                            const space::Architecture& child) const {
  const std::int64_t size = settings_.validation.batch_size;
  auto state = supernet.initial_state(size);
  supernet::Score score;
  for (std::int64_t batch = 0; batch < validation_batches(); ++batch) {
    const auto part =
        supernet.score(child, to_batch(batches_.validation(batch * size, size)), state);
    score.nats += part.nats;
    score.correct += part.correct;
    score.count += part.count;
  }
  return score;
}

std::string ImageTask::validation_text() const {
  return concat("validation, shared weights, ", validation_batches(), " batches of ",
                settings_.validation.batch_size, " images");
}

double ImageTask::activation_bytes() const {
  const double pixels = static_cast<double>(images_.shape.height) * images_.shape.width;
  const double batch = settings_.weights.batch_size;
  if (settings_.space.kind == SpaceKind::macro) {
    // A layer keeps three maps, the gradients of two more are alive; two thirds of the layers are
    // on a quarter or a sixteenth of the pixels.
    const double layers = settings_.space.macro.layers * (1.0 + 1.0 / 4.0 + 1.0 / 16.0) / 3.0;
    return 4.0 * batch * pixels * settings_.supernet.macro.filters * 5.0 * (layers + 1.0);
  }
  // A node keeps its sum and two maps a side at most; doubled widths on quartered pixels halve the
  // cost of a cell twice.
  const auto& options = settings_.supernet.micro;
  const double cells = (options.cells + 2) * (1.0 + 1.0 / 2.0 + 1.0 / 4.0) / 3.0;
  const double nodes = settings_.space.micro.nodes - 2;
  return 4.0 * batch * pixels * options.filters * 5.0 * nodes * (cells + 1.0);
}

}  // namespace enas::search
