// SPDX-License-Identifier: Apache-2.0
// A trained network for people who do not have this program.
#include <filesystem>
#include <span>

#include "child/pytorch_model.hpp"
#include "child/safetensors.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "core/version.hpp"
#include "io/durable_file.hpp"
#include "search/trained.hpp"
#include "search/training.hpp"

namespace enas::search {

namespace {

std::string model_text(const Settings& settings, const Trained& trained) {
  const TrainOptions& train = settings.train;
  const space::TypedView& network = trained.architecture.network;
  const DataShape& data = trained.data;
  const child::ImageShape images{data.channels, data.height, data.width, data.num_classes};
  switch (space::kind_of(network)) {
    case space::SpaceKind::recurrent:
      return child::pytorch_model(std::get<space::RecurrentCell>(network), train.recurrent,
                                  data.vocabulary_size);
    case space::SpaceKind::macro:
      return child::pytorch_model(std::get<space::MacroNet>(network), train.macro, images);
    case space::SpaceKind::micro:
      return child::pytorch_model(std::get<space::MicroNet>(network), train.micro, images);
  }
  throw ContractError("unknown kind of space");
}

}  // namespace

void export_pytorch(Log& log, const Settings& settings, const std::filesystem::path& run,
                    const std::filesystem::path& out) {
  const Trained trained = load_trained(settings, run);
  if (!trained.warning.empty()) log.warn(trained.warning);
  log.info(concat("the weights of epoch ", trained.best_epoch + 1, " in ", trained.checkpoint));
  std::vector<nn::Weight> tensors = trained.network->weights();
  const auto& averages = trained.network->averages();
  tensors.insert(tensors.end(), averages.begin(), averages.end());
  io::probe_writable(out);
  const std::string weights =
      child::safetensors(tensors, {{"program", concat("enas_hpc ", kVersion, " ", kGitRevision)},
                                   {"best_epoch", std::to_string(trained.best_epoch + 1)},
                                   {"seed", std::to_string(settings.run.seed)}});
  io::write_durable(out / "weights.safetensors", std::as_bytes(std::span(weights)));
  io::write_durable(out / "model.py", model_text(settings, trained));
  io::write_durable(out / "architecture.json", space::architecture_text(trained.architecture));
}

}  // namespace enas::search
