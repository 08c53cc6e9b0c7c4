// SPDX-License-Identifier: Apache-2.0
// Looking into a search without running it: hashes of checkpoints, children of a run's controller.
#include <torch/version.h>

#include "core/text.hpp"
#include "io/sealed_file.hpp"
#include "search/checkpoint.hpp"
#include "search/checkpoint_choice.hpp"
#include "search/reinforce_strategy.hpp"
#include "search/search.hpp"
#include "search/spaces.hpp"
#include "search/training_content.hpp"

namespace enas::search {

namespace {

template <typename T>
void digest_dataset(const io::ImageReader& image, const std::string& path, io::Digester& digester) {
  const std::vector<T> values = image.read<T>(path);
  digester.add(path).add_values(std::span<const T>(values));
}

/// Names and values of a dataset or of everything in a group, in sorted order.
void digest_tree(const io::ImageReader& image, const std::string& path, io::Digester& digester) {
  const std::string kind = image.kind(path);
  if (kind == "group") {
    for (const auto& member : image.members(path)) {
      digest_tree(image, path + "/" + member, digester);
    }
  } else if (kind == "float32") {
    digest_dataset<float>(image, path, digester);
  } else if (kind == "float64") {
    digest_dataset<double>(image, path, digester);
  } else if (kind == "int32") {
    digest_dataset<std::int32_t>(image, path, digester);
  } else if (kind == "int64") {
    digest_dataset<std::int64_t>(image, path, digester);
  } else {
    throw InputError(concat(path, " holds values of the type ", kind, ", as no checkpoint does"));
  }
}

void digest_real(const io::ImageReader& image, const std::string& group, const char* name,
                 io::Digester& digester) {
  const double value = image.double_attribute(group, name);
  digester.add_values(std::span<const double>(&value, 1));
}

std::string search_hash(const io::ImageReader& image) {
  io::Digester digester;
  for (const char* group : {"/weights", "/momentum", "/strategy", "/slots", "/children", "/best"}) {
    digest_tree(image, group, digester);
  }
  digester.add_value(static_cast<std::uint64_t>(image.int_attribute("/best", "step")));
  digest_real(image, "/best", "metric", digester);
  for (const char* name : {"step", "round", "phase", "index", "bad_steps", "rollbacks"}) {
    digester.add_value(static_cast<std::uint64_t>(image.int_attribute("/progress", name)));
  }
  digest_real(image, "/progress", "lr_factor", digester);
  return digester.finish().hex();
}

std::string training_hash(const io::ImageReader& image) {
  io::Digester digester;
  for (const char* group :
       {"/weights", "/averages", "/momentum", "/mean", "/best", "/slots", "/progress"}) {
    digest_tree(image, group, digester);
  }
  digester.add(image.string_attribute("/", "architecture"));
  for (const char* name : {"step", "epoch", "index", "bad_steps", "rollbacks", "best_epoch",
                           "num_finite", "averaged_steps"}) {
    digester.add_value(static_cast<std::uint64_t>(image.int_attribute("/progress", name)));
  }
  for (const char* name : {"lr_factor", "loss_sum", "accuracy_sum", "best_loss", "best_metric"}) {
    digest_real(image, "/progress", name, digester);
  }
  return digester.finish().hex();
}

}  // namespace

std::filesystem::path newest_checkpoint(const std::filesystem::path& run_or_checkpoint) {
  return choose_checkpoint(run_or_checkpoint,
                           [](const std::filesystem::path& path) {
                             const CheckpointReader opened(path, kSearchCheckpoint);
                           })
      .path;
}

std::string state_hash(const std::filesystem::path& checkpoint) {
  const io::ImageReader image(io::read_sealed(checkpoint), checkpoint.string());
  return image.string_attribute("/", "format") == kTrainingCheckpoint.format ? training_hash(image)
                                                                             : search_hash(image);
}

std::vector<SampledChild> sample_children(const std::filesystem::path& run_or_checkpoint,
                                          const Settings& settings, int count, std::uint64_t seed) {
  const auto path = newest_checkpoint(run_or_checkpoint);
  const CheckpointReader reader(path, kSearchCheckpoint);
  const auto space = make_space(settings.space);
  const auto strategy = make_strategy(space, settings);
  read_strategy(reader, strategy->state());

  // One stream of its own for each child, so that child i does not depend on how many are asked
  // for.
  Settings seeded = settings;
  seeded.run.seed = seed;
  const auto sampler = make_strategy(space, seeded);
  copy_values(strategy->state(), sampler->state());
  std::vector<SampledChild> children;
  for (int i = 0; i < count; ++i) {
    const auto child =
        sampler->propose(1, {Purpose::sample, static_cast<std::uint64_t>(i), 0}).front();
    auto described = describe_child(settings.space, child);
    children.push_back({child.text(), std::move(described.text), std::move(described.json),
                        sampler->log_probability(child)});
  }
  return children;
}

std::string stored_configuration(const std::filesystem::path& run_or_checkpoint) {
  return CheckpointReader(newest_checkpoint(run_or_checkpoint), kSearchCheckpoint)
      .identity()
      .config.toml;
}

std::vector<std::string> library_versions() {
  std::vector<std::string> versions = {
      concat("LibTorch ", TORCH_VERSION, " (", instruction_set(), ")")};
  for (const auto& version : io::library_versions()) versions.push_back(version);
  return versions;
}

}  // namespace enas::search
