// SPDX-License-Identifier: Apache-2.0
#include "search/derive/derivation.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>

#include "core/json_text.hpp"
#include "core/text.hpp"
#include "core/version.hpp"
#include "io/digest.hpp"
#include "io/durable_file.hpp"
#include "nn/kernel/machine.hpp"
#include "run/checkpoint_choice.hpp"
#include "run/start.hpp"
#include "run/together.hpp"
#include "search/derive/ranking_file.hpp"
#include "search/evaluator/shared.hpp"
#include "search/search.hpp"
#include "search/search_state.hpp"
#include "search/strategy/random.hpp"
#include "space/space_options.hpp"
#include "train/networks.hpp"

namespace enas::search {

namespace {

/// The parts of a run that a derivation reads, equal on all ranks.
struct SearchModel {
  explicit SearchModel(const Settings& settings) : space(space::make_space(settings.space)) {}

  space::SearchSpace space;
  std::unique_ptr<Evaluator> evaluator;
  std::unique_ptr<Strategy> strategy;
  std::int64_t step = 0;
  std::filesystem::path checkpoint;  ///< the file; rank 0
  std::string warning;               ///< which newer ones were passed over, and why; rank 0
  std::string configuration;         ///< under which it was written
  std::string source;                ///< digest of what the ranking follows from; rank 0
};

/// Collective. Throws what would fail after the children were scored.
void check_start(comm::World& world, const train::Settings& training,
                 const std::filesystem::path& run, const DeriveOptions& options) {
  run::together(world, [&] {
    if (!world.is_root()) return;
    if (!std::filesystem::is_directory(run)) {
      throw InputError(concat(run.string(), " is no run directory"), ExitCode::missing_input);
    }
    train::require_buildable(training);
    io::probe_output(derived_folder(run, options) / "ranking.h5");
  });
}

/// From one checkpoint file, which a search that still runs may remove afterwards.
void load_on_root(const Settings& settings, const DeriveOptions& options,
                  const std::filesystem::path& run, const run::Identity& present,
                  SearchModel& model) {
  const auto chosen = run::choose_checkpoint(run, std::vector{kSearchCheckpoint});
  model.warning = chosen.warning;
  model.checkpoint = chosen.path;
  const run::CheckpointReader reader(chosen.path, kSearchCheckpoint);
  if (auto* shared = model.evaluator->shared()) {
    reader.load_arrays("/weights", run::arrays_of(shared->supernet().weights()));
  }
  reader.load_arrays("/strategy", model.strategy->state());
  model.step = reader.image().int_attribute("/", "step");
  model.configuration = reader.identity().config.toml;
  model.source = ranking_source(settings, options, reader);
  if (!run::is_same_data(reader.identity(), present)) {
    throw InputError(
        concat("the data are not those of the search: ", model.evaluator->describe_data(),
               " (data.source and data.path, or evaluation.table)"));
  }
}

/// Collective.
void load(comm::World& world, const Settings& settings, const run::ConfigRecord& record,
          int threads, const std::filesystem::path& run, const DeriveOptions& options,
          SearchModel& model) {
  run::together(world, [&] { model.evaluator = make_evaluator(settings, model.space, {0, 0}); });
  const run::Identity present =
      run::present_identity(world, record, model.evaluator->data_digest(),
                            model.evaluator->digest_without_test(), threads);
  run::shake_hands(world, present);
  auto* shared = model.evaluator->shared();
  run::together(world, [&] {
    if (shared != nullptr) shared->make_weights({});
    model.strategy = make_strategy(model.space, settings);
    if (world.is_root()) load_on_root(settings, options, run, present, model);
  });
  if (shared != nullptr) {
    for (const auto& array : run::arrays_of(shared->supernet().weights())) {
      world.broadcast(array.bytes());
    }
  }
  broadcast_state(world, *model.strategy);
  model.step = world.broadcast_value(model.step);
  model.configuration = world.broadcast_text(model.configuration);
}

std::vector<RankedChild> sample(const SearchModel& model, const Settings& settings,
                                const DeriveOptions& options) {
  const RandomStrategy uniform(model.space, settings.run.seed);
  const Strategy& strategy =
      options.uniform ? static_cast<const Strategy&>(uniform) : *model.strategy;
  const auto drawn =
      strategy.propose(consecutive_indices({Purpose::derived_children, 0, 0}, options.samples));
  std::vector<RankedChild> children;
  std::map<std::vector<std::int32_t>, std::size_t> known;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const auto [place, is_new] = known.emplace(drawn[i].tokens, children.size());
    if (!is_new) {
      ++children[place->second].times;
      continue;
    }
    RankedChild child;
    child.architecture = drawn[i];
    child.index = static_cast<int>(i);
    child.log_probability = strategy.log_probability(drawn[i]);
    children.push_back(std::move(child));
  }
  return children;
}

struct TwoScores {
  nn::Score whole;
  nn::Score minibatch;
};

/// Collective. Every rank scores a block of the children.
void score(comm::World& world, const SearchModel& model, const DeriveOptions& options,
           run::StopControl& stop, std::vector<RankedChild>& children) {
  std::vector<TwoScores> mine;
  run::in_turns(world, "derivation", static_cast<int>(children.size()), stop, [&](int i) {
    const auto& child = children[static_cast<std::size_t>(i)].architecture;
    const nn::Score minibatch = model.evaluator->reward_score(child, 0, model.step);
    mine.push_back({options.minibatch ? minibatch : model.evaluator->whole_validation_score(child),
                    minibatch});
  });
  std::size_t next = 0;
  const task::Metric& metric = model.evaluator->metric();
  for (const auto& piece : world.all_gather_varied(std::as_bytes(std::span(mine)))) {
    std::vector<TwoScores> scores(piece.size() / sizeof(TwoScores));
    std::memcpy(scores.data(), piece.data(), piece.size());
    for (const auto& both : scores) {
      RankedChild& child = children[next++];
      child.loss = both.whole.loss();
      child.metric = metric.of(both.whole.loss(), both.whole.accuracy());
      child.minibatch_metric = metric.of(both.minibatch.loss(), both.minibatch.accuracy());
    }
  }
}

/// Best first; equal ones as they were sampled.
void rank(const task::Metric& metric, std::vector<RankedChild>& children) {
  std::stable_sort(children.begin(), children.end(), [&](const auto& a, const auto& b) {
    if (!std::isfinite(a.metric) || !std::isfinite(b.metric)) {
      return std::isfinite(a.metric) && !std::isfinite(b.metric);
    }
    return metric.better(a.metric, b.metric);
  });
}

void compare_with_minibatch(const task::Metric& metric, Ranking& ranking) {
  std::vector<double> whole;
  std::vector<double> minibatch;
  std::size_t winner = 0;
  for (std::size_t i = 0; i < ranking.children.size(); ++i) {
    const RankedChild& child = ranking.children[i];
    whole.push_back(child.metric);
    minibatch.push_back(child.minibatch_metric);
    const bool first = !std::isfinite(minibatch[winner]) && std::isfinite(minibatch[i]);
    if (first || metric.better(child.minibatch_metric, minibatch[winner])) winner = i;
  }
  ranking.kendall_tau = kendall_tau(whole, minibatch);
  ranking.minibatch_winner = static_cast<int>(winner) + 1;
}

space::ArchitectureFile file_of(const Settings& settings, const SearchModel& model,
                                const DeriveOptions& options, const Ranking& ranking,
                                std::size_t place) {
  const RankedChild& child = ranking.children[place];
  space::ArchitectureFile file;
  file.network = space::typed_view(settings.space, child.architecture);
  file.origin = {{"program_version", kVersion},
                 {"git_revision", kGitRevision},
                 {"seed", settings.run.seed},
                 {"configuration_digest", io::digest_text(model.configuration).hex()},
                 {"step", model.step},
                 {"sampled_from", options.uniform ? "uniform" : "controller"},
                 {"samples", options.samples}};
  file.metrics = {{model.evaluator->metric().name(), child.metric},
                  {"loss", child.loss},
                  {"scored_on", ranking.scored_on},
                  {"rank", place + 1},
                  {"log_probability", child.log_probability}};
  return file;
}

}  // namespace

double kendall_tau(const std::vector<double>& a, const std::vector<double>& b) {
  double agreeing = 0.0;
  double untied_a = 0.0;
  double untied_b = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const int x = (a[i] > a[j]) - (a[i] < a[j]);
      const int y = (b[i] > b[j]) - (b[i] < b[j]);
      agreeing += x * y;
      untied_a += x * x;
      untied_b += y * y;
    }
  }
  return agreeing / std::sqrt(untied_a * untied_b);
}

std::vector<space::ArchitectureFile> derive_once(
    comm::World& world, Log& log, const Settings& settings, const train::Settings& training,
    const run::ConfigRecord& record, const std::filesystem::path& run, const DeriveOptions& options,
    const run::Limits& limits) {
  std::vector<space::ArchitectureFile> top;
  std::string texts;
  run::together(world, [&] {
    if (!world.is_root()) return;
    Json list = Json::array();
    const run::CheckpointReader reader(newest_checkpoint(run), kSearchCheckpoint);
    const auto source = ranking_source(settings, options, reader);
    for (const auto& text : finished_ranking(derived_folder(run, options), source, options.top)) {
      list.push_back(text);
    }
    texts = json_text(list);
  });
  for (const Json& text : Json::parse(world.broadcast_text(texts))) {
    top.push_back(space::architecture_from_json(Json::parse(text.get<std::string>()),
                                                "a derived architecture"));
  }
  if (top.empty()) return derive(world, log, settings, training, record, run, options, limits).top;
  log.info(concat("derived already: ", derived_folder(run, options).string()));
  return top;
}

Ranking derive(comm::World& world, Log& log, const Settings& settings,
               const train::Settings& training, const run::ConfigRecord& record,
               const std::filesystem::path& run, const DeriveOptions& options,
               const run::Limits& limits) {
  run::StopControl stop(world.is_root(), run, limits, 0.0, false);
  check_start(world, training, run, options);
  world.start_watchdog(settings.run.reliability.comm_timeout_s, run.string());
  const int threads = nn::set_threads(settings.run.threads);
  SearchModel model(settings);
  load(world, settings, record, threads, run, options, model);
  if (!model.warning.empty()) log.warn(model.warning);
  log.info("derived from " + model.checkpoint.string());
  warn_of_data(log, *model.evaluator);
  run::report_surroundings(log);
  Ranking ranking;
  ranking.source = model.source;
  ranking.step = model.step;
  ranking.samples = options.samples;
  ranking.minibatch = options.minibatch;
  ranking.scored_on = options.minibatch ? "validation, shared weights, one minibatch"
                                        : model.evaluator->whole_validation_text();
  ranking.folder = derived_folder(run, options);
  ranking.children = sample(model, settings, options);
  log.info(concat(options.samples, " samples of the ",
                  options.uniform ? "uniform distribution" : "controller", " at step ", model.step,
                  ", ", ranking.children.size(), " different; scoring on ", ranking.scored_on));
  score(world, model, options, stop, ranking.children);
  const task::Metric& metric = model.evaluator->metric();
  rank(metric, ranking.children);
  compare_with_minibatch(metric, ranking);
  for (auto& child : ranking.children) {
    if (model.evaluator->shared() == nullptr) break;  // a table says nothing of sizes
    const auto size =
        train::network_size(training.train, space::typed_view(settings.space, child.architecture),
                            model.evaluator->data_shape());
    child.parameters = size.parameters;
    child.multiply_adds = size.multiply_adds;
  }
  const auto top = std::min(ranking.children.size(), static_cast<std::size_t>(options.top));
  for (std::size_t i = 0; i < top; ++i) {
    if (!std::isfinite(ranking.children[i].metric)) break;
    ranking.top.push_back(file_of(settings, model, options, ranking, i));
  }
  if (ranking.top.empty()) {
    throw Error(ExitCode::diverged,
                concat("none of the ", ranking.children.size(),
                       " children has a finite score: the search has diverged (weights.lr)"));
  }
  run::together(world, [&] {
    if (!world.is_root()) return;
    write_ranking(ranking, metric, settings, model.space, model.configuration);
  });
  world.stop_watchdog();
  return ranking;
}

}  // namespace enas::search
