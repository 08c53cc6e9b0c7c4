// SPDX-License-Identifier: Apache-2.0
// A trained network for people who do not have this program.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "child/pytorch_model.hpp"
#include "child/safetensors.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "core/version.hpp"
#include "train/export_folder.hpp"
#include "train/networks.hpp"
#include "train/trained.hpp"
#include "train/training.hpp"

namespace enas::train {

namespace {

const std::string kProgram = concat("enas_hpc ", kVersion, " ", kGitRevision);

/// Throws InputError unless the training kept what belongs to the shape of its data.
void check_preprocessing(const Trained& trained, const std::filesystem::path& run) {
  const auto is_of_size = [](const auto& values, int size) {
    return values.size() == static_cast<std::size_t>(size);
  };
  const task::Preprocessing& found = trained.preprocessing;
  if (is_of_size(found.vocabulary, trained.data.vocabulary_size) &&
      is_of_size(found.mean, trained.data.channels) &&
      is_of_size(found.standard_deviation, trained.data.channels)) {
    return;
  }
  throw InputError(
      concat(run.string(), " was trained by a version of enas_hpc that did not keep the ",
             "vocabulary or the mean and deviation of pixels, without which a network ",
             "cannot be used: train it again"));
}

std::string model_text(const Settings& settings, const Trained& trained) {
  const Options& train = settings.train;
  const space::TypedView& network = trained.architecture.network;
  const nn::DataShape& data = trained.data;
  const child::PixelStatistics pixels{trained.preprocessing.mean,
                                      trained.preprocessing.standard_deviation};
  switch (space::kind_of(network)) {
    case space::SpaceKind::recurrent:
      return child::pytorch_model(std::get<space::RecurrentCell>(network), train.recurrent,
                                  data.vocabulary_size, test_cut(train).batch_size);
    case space::SpaceKind::macro:
      return child::pytorch_model(std::get<space::MacroNet>(network), train.macro, data, pixels);
    case space::SpaceKind::micro:
      return child::pytorch_model(std::get<space::MicroNet>(network), train.micro, data, pixels);
  }
  throw ContractError("unknown kind of space");
}

std::string weights_file(const Settings& settings, const Trained& trained) {
  std::vector<nn::Weight> tensors = trained.network->weights();
  const auto& averages = trained.network->averages();
  tensors.insert(tensors.end(), averages.begin(), averages.end());
  std::map<std::string, std::string> metadata = {
      {"program", kProgram},
      {"best_epoch", std::to_string(trained.best_epoch + 1)},
      {"seed", std::to_string(settings.run.seed)}};
  if (!space::is_of_images(settings.space.kind)) {
    metadata["vocabulary"] = task::vocabulary_text(trained.preprocessing.vocabulary);
  }
  return child::safetensors(tensors, metadata);
}

Json description_of(const Settings& settings, const Trained& trained) {
  const nn::DataShape& data = trained.data;
  Json json = {
      {"program", kProgram}, {"best_epoch", trained.best_epoch + 1}, {"seed", settings.run.seed}};
  if (space::is_of_images(settings.space.kind)) {
    json["data"] = {{"channels", data.channels},
                    {"height", data.height},
                    {"width", data.width},
                    {"num_classes", data.num_classes},
                    {"mean", trained.preprocessing.mean},
                    {"standard_deviation", trained.preprocessing.standard_deviation}};
  } else {
    json["data"] = {{"vocabulary_size", data.vocabulary_size}};
  }
  return json;
}

}  // namespace

void export_pytorch(Log& log, const Settings& settings, const std::filesystem::path& run,
                    const std::filesystem::path& out) {
  const Trained trained = load_trained(settings, run);
  if (!trained.warning.empty()) log.warn(trained.warning);
  log.info(concat("the weights of epoch ", trained.best_epoch + 1, " in ", trained.checkpoint));
  check_preprocessing(trained, run);
  std::vector<ExportFile> files = {
      {"weights.safetensors", weights_file(settings, trained)},
      {"model.py", model_text(settings, trained)},
      {"architecture.json", space::architecture_text(trained.architecture)}};
  if (!space::is_of_images(settings.space.kind)) {
    files.push_back({"vocabulary.txt", task::vocabulary_text(trained.preprocessing.vocabulary)});
  }
  check_export_folder(out, files);
  write_export(out, files, description_of(settings, trained));
}

}  // namespace enas::train
