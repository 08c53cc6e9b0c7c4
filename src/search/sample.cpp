// SPDX-License-Identifier: Apache-2.0
// Looking into a search without running it: hashes of checkpoints, children of a run's controller.
#include "core/text.hpp"
#include "io/sealed_file.hpp"
#include "run/checkpoint_choice.hpp"
#include "run/state_file.hpp"
#include "search/search.hpp"
#include "search/search_state.hpp"
#include "search/strategy/random.hpp"
#include "search/strategy/strategy.hpp"
#include "space/space_options.hpp"
#include "train/training_state.hpp"

namespace enas::search {

const std::vector<run::CheckpointKind>& checkpoint_kinds() {
  static const std::vector<run::CheckpointKind> kinds = {kSearchCheckpoint,
                                                         train::kTrainingCheckpoint};
  return kinds;
}

std::filesystem::path newest_checkpoint(const std::filesystem::path& run_or_checkpoint) {
  return run::choose_checkpoint(run_or_checkpoint, std::vector{kSearchCheckpoint}).path;
}

std::string state_hash(const std::filesystem::path& checkpoint) {
  const io::ImageReader image(io::read_sealed(checkpoint), checkpoint.string());
  return run::hash_of(image, run::kind_of(image, checkpoint_kinds()).fields());
}

std::vector<SampledChild> sample_children(const std::filesystem::path& run_or_checkpoint,
                                          const Settings& settings, int count, std::uint64_t seed) {
  const auto path = newest_checkpoint(run_or_checkpoint);
  const run::CheckpointReader reader(path, kSearchCheckpoint);
  const auto space = space::make_space(settings.space);
  const auto strategy = make_strategy(space, settings);
  reader.load_arrays("/strategy", strategy->state());

  // One stream of its own for each child, so that child i does not depend on how many are asked
  // for.
  Settings seeded = settings;
  seeded.run.seed = seed;
  const auto sampler = make_strategy(space, seeded);
  run::copy_values(strategy->state(), sampler->state());
  std::vector<SampledChild> children;
  for (int i = 0; i < count; ++i) {
    const auto child =
        sampler->propose(1, {Purpose::sample, static_cast<std::uint64_t>(i), 0}).front();
    auto described = space::describe(settings.space, child);
    children.push_back({child.text(), std::move(described.text), std::move(described.json),
                        sampler->log_probability(child)});
  }
  return children;
}

space::TypedView any_child(const Settings& settings) {
  const auto space = space::make_space(settings.space);
  const RandomStrategy uniform(space, settings.run.seed);
  return space::typed_view(settings.space,
                           uniform.propose(1, {Purpose::derived_children, 0, 0}).front());
}

std::string stored_configuration(const std::filesystem::path& run_or_checkpoint) {
  return run::CheckpointReader(newest_checkpoint(run_or_checkpoint), kSearchCheckpoint)
      .identity()
      .config.toml;
}

}  // namespace enas::search
