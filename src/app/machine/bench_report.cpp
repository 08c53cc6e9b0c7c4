// SPDX-License-Identifier: Apache-2.0
#include "app/machine/bench_report.hpp"

#include <array>
#include <iomanip>
#include <sstream>
#include <utility>

#include "app/config/config_text.hpp"
#include "app/config/schema.hpp"
#include "app/machine/machine_speed.hpp"
#include "app/machine/table_text.hpp"
#include "core/clock.hpp"
#include "core/text.hpp"

namespace enas::app {
namespace {

using Label = std::pair<const char*, const char*>;
/// Pieces of work with their place in the JSON.
constexpr std::array<Label, 5> kPieces = {{{"weight_step", "weight step"},
                                           {"reward", "reward of a rollout"},
                                           {"sample_rollouts", "children of rollouts"},
                                           {"sample_phase", "children of a phase"},
                                           {"update", "step on θ"}}};

Json timing_json(const bench::Timing& timing) {
  return {{"median_s", timing.median_s}, {"min_s", timing.min_s}};
}

Json split_json(const bench::StepSplit& split) {
  return {{"data_s", split.data_s},         {"forward_s", split.forward_s},
          {"backward_s", split.backward_s}, {"pack_s", split.pack_s},
          {"wait_s", split.wait_s},         {"reduce_s", split.reduce_s},
          {"update_s", split.update_s}};
}

Json configuration_json(const Settings& settings, const bench::Options& options,
                        const bench::Report& report) {
  const auto value = [&](const char* key) {
    return std::get<std::string>(find_key(key)->value_in(settings));
  };
  Json json = {{"space", name_of(settings.space.kind)},
               {"data", report.data},
               {"kernels", value("supernet.kernels")}};
  json["precision"] = settings.space.kind == space::SpaceKind::recurrent
                          ? value("supernet.precision")
                          : std::string("float32");
  json["slots"] = settings.weights.slots;
  json["batch_size"] = settings.weights.batch_size;
  json["ranks"] = report.ranks;
  json["threads"] = report.threads;
  json["steps"] = options.steps;
  json["repeats"] = options.repeats;
  return json;
}

Json weight_json(const bench::Report& report) {
  const auto& weight = report.weight;
  Json json = timing_json(weight.step);
  json["split"] = split_json(weight.ranks.front().split);
  json["flops"] = weight.flops;
  json["examples"] = weight.examples;
  json["examples_per_s"] = weight.examples / weight.step.median_s;
  json["union_bytes"] = weight.union_bytes;
  json["bytes_sent"] = weight.ranks.front().bytes_sent;
  json["bad_steps"] = weight.bad_steps;
  return json;
}

Json reward_json(const bench::ControllerBench& controller) {
  Json json = timing_json(controller.reward);
  json["flops"] = controller.reward_flops;
  json["examples"] = controller.reward_examples;
  json["examples_per_s"] = controller.reward_examples / controller.reward.median_s;
  return json;
}

std::string table(const Json& bench, const std::string& example) {
  std::string text =
      concat(left("", 22), right("median", 12), right("min", 12), right("GFLOP/s", 10),
             right("of peak", 10), right(concat(example, "s/s"), 12), "\n");
  for (const auto& [key, name] : kPieces) {
    if (!bench.contains(key)) continue;
    const Json& piece = bench[key];
    text += concat(left(name, 22), right(seconds_text(piece["median_s"].get<double>()), 12),
                   right(seconds_text(piece["min_s"].get<double>()), 12));
    if (piece.contains("gflops")) {
      text += concat(right(fixed(piece["gflops"].get<double>(), 1), 10),
                     right(percent(piece["share_of_peak"].get<double>()), 10));
    }
    if (piece.contains("examples_per_s")) {
      text += right(fixed(piece["examples_per_s"].get<double>(), 0), 12);
    }
    text += "\n";
  }
  return text;
}

/// Where the time of a weight step went, and what it summed.
std::string split_text(const Json& weight) {
  const double whole = weight["median_s"].get<double>();
  double known = 0.0;
  std::string text = "weight step:";
  for (const auto& [name, seconds] : weight["split"].items()) {
    known += seconds.get<double>();
    text += concat(" ", name.substr(0, name.size() - 2), " ",
                   percent(seconds.get<double>() / whole), ",");
  }
  text += concat(" rest ", percent((whole - known) / whole), "\n");
  return text + concat("gradients of a step: ", human_bytes(weight["union_bytes"].get<double>()),
                       ", sent by rank 0: ", human_bytes(weight["bytes_sent"].get<double>()), "\n");
}

std::string memory_text(const Json& memory) {
  return concat(human_bytes(memory["peak_bytes"].get<double>()), " at the peak of a rank, ",
                human_bytes(memory["beyond_weights_bytes"].get<double>()),
                " of it beyond the weights (", human_bytes(memory["weight_bytes"].get<double>()),
                ")\n");
}

std::string comparison_text(const Json& bench) {
  std::string text = concat(
      "\nreference, in turn with it (kernels = \"eager\", no MKL fast path, no "
      "memory settings):\n",
      left("", 22), right("median", 12), right("min", 12), right("ratio", 10), right("of min", 10),
      "\n");
  for (const auto& [key, name] : kPieces) {
    if (!bench["comparison"].contains(key)) continue;
    const Json& piece = bench["reference"][key];
    const Json& ratio = bench["comparison"][key];
    text += concat(left(name, 22), right(seconds_text(piece["median_s"].get<double>()), 12),
                   right(seconds_text(piece["min_s"].get<double>()), 12),
                   right(fixed(ratio["median"].get<double>(), 2), 10),
                   right(fixed(ratio["min"].get<double>(), 2), 10), "\n");
  }
  return text + concat("memory: ", memory_text(bench["reference"]["memory"]));
}

}  // namespace

Json bench_json(const Settings& settings, const bench::Options& options,
                const bench::Report& report) {
  Json json;
  json["configuration"] = configuration_json(settings, options, report);
  json["example"] = report.example;
  if (options.weights) json["weight_step"] = weight_json(report);
  if (options.controller) {
    const auto& controller = report.controller;
    json["reward"] = reward_json(controller);
    json["sample_rollouts"] = timing_json(controller.sample_rollouts);
    json["sample_phase"] = timing_json(controller.sample_phase);
    json["sample_phase"]["children"] = controller.phase_children;
    json["update"] = timing_json(controller.update);
  }
  if (options.weights && options.controller) {
    json["round"] = {{"weight_steps", report.round.weight_steps},
                     {"controller_steps", report.round.controller_steps},
                     {"seconds", report.round.seconds},
                     {"controller_share", report.round.controller_share}};
  }
  json["memory"] = {{"peak_bytes", report.peak_memory_bytes},
                    {"weight_bytes", report.weight_bytes},
                    {"beyond_weights_bytes", report.peak_memory_bytes - report.weight_bytes}};
  return json;
}

void add_rates(Json& bench, double peak) {
  const double ranks = bench["configuration"]["ranks"].get<double>();
  // A step is the work of all ranks; the reward of a rollout is that of one while the others score
  // rollouts of their own.
  for (const auto& [key, workers] : {std::pair("weight_step", 1.0), std::pair("reward", ranks)}) {
    if (!bench.contains(key)) continue;
    Json& piece = bench[key];
    const double gflops =
        workers * piece["flops"].get<double>() / piece["median_s"].get<double>() / 1e9;
    piece["gflops"] = gflops;
    piece["share_of_peak"] = gflops / peak;
  }
}

Json comparison_json(const Json& bench, const Json& reference) {
  Json json = Json::object();
  for (const auto& [key, name] : kPieces) {
    if (!bench.contains(key)) continue;
    const auto ratio = [&](const char* statistic) {
      return reference[key][statistic].get<double>() / bench[key][statistic].get<double>();
    };
    json[key] = {{"median", ratio("median_s")}, {"min", ratio("min_s")}};
  }
  json["peak_memory"] =
      reference["memory"]["peak_bytes"].get<double>() / bench["memory"]["peak_bytes"].get<double>();
  return json;
}

std::string bench_text(const Json& bench) {
  const Json& configuration = bench["configuration"];
  const auto word = [&](const char* key) { return configuration[key].get<std::string>(); };
  const auto number = [&](const char* key) { return configuration[key].get<int>(); };
  std::string text =
      concat(word("space"), " on ", word("data"), "\n", number("slots"), " slot(s) of ",
             number("batch_size"), ", ", word("kernels"), " kernels, ", word("precision"), "; ",
             number("ranks"), " rank(s) of ", number("threads"), " thread(s)\n");
  if (bench.contains("machine")) text += machine_text(bench["machine"]);
  text +=
      concat("\n", number("repeats"), " repeats of ", number("steps"),
             " steps, after one to warm up:\n", table(bench, bench["example"].get<std::string>()));
  if (bench.contains("weight_step")) text += split_text(bench["weight_step"]);
  if (bench.contains("round")) {
    const Json& round = bench["round"];
    text += concat("a round: ", round["weight_steps"].get<int>(), " weight and ",
                   round["controller_steps"].get<int>(), " controller steps, about ",
                   human_duration(round["seconds"].get<double>()), ", ",
                   percent(round["controller_share"].get<double>()), " of it for the controller\n");
  }
  text += concat("memory: ", memory_text(bench["memory"]));
  if (bench.contains("comparison")) text += comparison_text(bench);
  if (!bench.contains("warnings")) return text;
  for (const auto& warning : bench["warnings"]) {
    text += concat("warning: ", warning.get<std::string>(), "\n");
  }
  return text;
}

}  // namespace enas::app
