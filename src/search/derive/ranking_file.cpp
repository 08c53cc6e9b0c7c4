// SPDX-License-Identifier: Apache-2.0
#include "search/derive/ranking_file.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "core/text.hpp"
#include "core/version.hpp"
#include "io/digest.hpp"
#include "io/durable_file.hpp"
#include "io/sealed_file.hpp"
#include "run/log_table.hpp"
#include "run/state_file.hpp"
#include "search/search_state.hpp"
#include "space/space_options.hpp"

namespace enas::search {

namespace {

using enum run::ColumnType;

constexpr std::int64_t kFormatVersion = 2;
constexpr std::size_t kMaxBytes = std::size_t{16} << 20;

run::LogTable table_of(const Ranking& ranking, const task::Metric& metric, const Settings& settings,
                       const space::SearchSpace& space) {
  run::LogTable table(
      "children",
      {{"rank", integer, "1", "1 for the best", false, 1},
       {"index", integer, "1", "which sample was the first of this child", false, 1},
       {"times", integer, "1", "samples that were this child", false, 1},
       {"tokens", integers, "1", "the architecture", false, space.num_tokens()},
       {"text", text, "1", "the architecture in words", false, 1},
       {"loss", real, concat("nats/", metric.example()), "on what the ranking is made by"},
       {"metric", real, "1", "of that"},
       {"minibatch_metric", real, "1", "on one validation minibatch, the same for all"},
       {"log_probability", real, "nats", "of being sampled"},
       {"parameters", integer, "1", "of the network trained alone"},
       {"multiply_adds", real, "1", "of that network for one token or image"}});
  std::int64_t place = 0;
  for (const auto& child : ranking.children) {
    table.add_row(
        {++place, std::int64_t{child.index}, std::int64_t{child.times}, child.architecture.tokens,
         space::describe(settings.space, child.architecture).text, child.loss, child.metric,
         child.minibatch_metric, child.log_probability, child.parameters, child.multiply_adds});
  }
  return table;
}

/// What an earlier derivation left would be taken for a part of this one.
void remove_old(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name == "ranking.h5" || name == "best.json" ||
        (name.starts_with("top-") && name.ends_with(".json"))) {
      std::filesystem::remove(entry.path());
    }
  }
}

}  // namespace

std::filesystem::path derived_folder(const std::filesystem::path& run,
                                     const DeriveOptions& options) {
  return run / (options.uniform ? "derived/uniform" : "derived");
}

std::string ranking_source(const Settings& settings, const DeriveOptions& options,
                           const run::CheckpointReader& checkpoint) {
  const std::string state = run::hash_of(checkpoint.image(), kSearchCheckpoint.fields());
  return io::digest_text(concat(state, "\n", checkpoint.identity().config.toml, "\n",
                                settings.run.seed, " ", settings.validation.batch_size, " ",
                                options.samples, " ", options.uniform, " ", options.minibatch))
      .hex();
}

std::vector<std::string> finished_ranking(const std::filesystem::path& folder,
                                          const std::string& source, int top) {
  const auto path = folder / "ranking.h5";
  if (!std::filesystem::exists(path)) return {};
  try {
    const io::ImageReader ranking(io::read_sealed(path), path.string());
    const std::int64_t written = ranking.int_attribute("/", "top");
    const std::int64_t wanted = std::min<std::int64_t>(top, ranking.shape("/children/rank")[0]);
    if (ranking.string_attribute("/", "source") != source || written < wanted) return {};
    std::vector<std::string> texts;
    for (std::int64_t i = 1; i <= wanted; ++i) {
      texts.push_back(io::read_text(folder / concat("top-", i, ".json"), kMaxBytes));
    }
    return texts;
  } catch (const InputError&) {
    return {};  // not whole: written again
  }
}

void write_ranking(const Ranking& ranking, const task::Metric& metric, const Settings& settings,
                   const space::SearchSpace& space, const std::string& configuration) {
  io::probe_writable(ranking.folder);
  remove_old(ranking.folder);
  io::ImageWriter writer(std::size_t{1} << 20);
  writer.attribute("/", "format", "enas_hpc ranking");
  writer.attribute("/", "format_version", kFormatVersion);
  writer.attribute("/", "program_version", kVersion);
  writer.attribute("/", "git_revision", kGitRevision);
  writer.attribute("/", "step", ranking.step);
  writer.attribute("/", "source", ranking.source);
  writer.attribute("/", "top", static_cast<std::int64_t>(ranking.top.size()));
  writer.attribute("/", "samples", std::int64_t{ranking.samples});
  writer.attribute("/", "minibatch", std::int64_t{ranking.minibatch ? 1 : 0});
  writer.attribute("/", "scored_on", ranking.scored_on);
  writer.attribute("/", "space", space.id());
  writer.attribute("/", "metric", metric.name());
  writer.attribute("/", "higher_is_better", std::int64_t{metric.higher_is_better() ? 1 : 0});
  writer.attribute("/", "minibatch_kendall_tau", ranking.kendall_tau);
  writer.attribute("/", "minibatch_winner_rank", std::int64_t{ranking.minibatch_winner});
  writer.attribute("/", "configuration", configuration);
  table_of(ranking, metric, settings, space).write(writer);
  writer.strings("/decisions", space.token_names());
  for (std::size_t i = 0; i < ranking.top.size(); ++i) {
    const std::string text = space::architecture_text(ranking.top[i]);
    io::write_durable(ranking.folder / concat("top-", i + 1, ".json"), text);
    if (i == 0) io::write_durable(ranking.folder / "best.json", text);
  }
  // Last: it says that the others are whole.
  io::write_sealed(ranking.folder / "ranking.h5", writer.finish());
}

}  // namespace enas::search
