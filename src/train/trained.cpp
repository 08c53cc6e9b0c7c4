// SPDX-License-Identifier: Apache-2.0
#include "train/trained.hpp"

#include <string>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/text.hpp"
#include "run/checkpoint_choice.hpp"
#include "train/data_facts.hpp"
#include "train/networks.hpp"
#include "train/training_state.hpp"

namespace enas::train {

run::CheckpointReader newest_training_checkpoint(const std::filesystem::path& run,
                                                 std::string* warning) {
  if (!std::filesystem::is_directory(run)) {
    throw InputError(concat(run.string(), " is no run directory"), ExitCode::missing_input);
  }
  const auto chosen = run::choose_checkpoint(run, std::vector{kTrainingCheckpoint});
  if (warning != nullptr) *warning = chosen.warning;
  return {chosen.path, kTrainingCheckpoint};
}

Trained load_trained(const Settings& settings, const std::filesystem::path& run) {
  Trained trained;
  const run::CheckpointReader reader = newest_training_checkpoint(run, &trained.warning);
  const io::ImageReader& image = reader.image();
  trained.checkpoint = reader.file();
  trained.architecture = space::architecture_from_json(
      Json::parse(image.string_attribute("/", "architecture")), reader.file());
  trained.data = read_data_shape(reader);
  trained.preprocessing = read_preprocessing(reader);
  trained.step = image.int_attribute("/progress", "step");
  trained.epochs = image.int_attribute("/progress", "epoch");
  trained.best_epoch = image.int_attribute("/progress", "best_epoch");
  if (trained.best_epoch < 0) {
    throw InputError(concat(reader.file(),
                            " was written before the first epoch was done: there is "
                            "nothing yet to be scored or exported"));
  }
  trained.network = make_network(settings, trained.architecture.network, trained.data);
  const auto weights = run::arrays_of(trained.network->weights());
  const auto averages = run::arrays_of(trained.network->averages());
  reader.load_arrays("/best/weights", weights);
  reader.load_arrays("/best/averages", averages);
  return trained;
}

}  // namespace enas::train
