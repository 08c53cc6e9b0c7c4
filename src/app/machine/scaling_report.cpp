// SPDX-License-Identifier: Apache-2.0
#include "app/machine/scaling_report.hpp"

#include <vector>

#include "app/machine/table_text.hpp"
#include "core/text.hpp"
#include "search/search.hpp"

namespace enas::app {
namespace {

Json point_json(const bench::ScalingPoint& point, const bench::ScalingPoint& single) {
  const auto& weight = point.weight;
  const double speedup = single.weight.step.median_s / weight.step.median_s;
  double sent = 0.0;
  std::vector<double> waits;
  std::vector<double> reductions;
  for (const auto& rank : weight.ranks) {
    sent += rank.bytes_sent;
    waits.push_back(rank.split.wait_s);
    reductions.push_back(rank.split.reduce_s);
  }
  return {{"ranks", point.ranks},
          {"median_s", weight.step.median_s},
          {"min_s", weight.step.min_s},
          {"model_s", point.model_s},
          {"examples_per_s", weight.examples / weight.step.median_s},
          {"speedup", speedup},
          {"efficiency", speedup / point.ranks},
          {"bytes_sent", sent},
          {"wait_s", waits},
          {"reduce_s", reductions}};
}

Json prediction_json(const bench::ScalingPrediction& tree, const bench::ScalingPrediction& ring) {
  const auto& shape = tree.shape;
  return {{"ranks", shape.ranks},
          {"slots", shape.slots},
          {"union_bytes", shape.union_bytes},
          {"slot_s", shape.slot_s},
          {"update_s", shape.update_s},
          {"tree_step_s", tree.step_s},
          {"tree_efficiency", tree.efficiency},
          {"ring_step_s", ring.step_s},
          {"ring_efficiency", ring.efficiency}};
}

Json series_json(const bench::ScalingSeries& series) {
  Json points = Json::array();
  for (const auto& point : series.points) {
    points.push_back(point_json(point, series.points.front()));
  }
  Json model = Json::array();
  for (std::size_t i = 0; i < series.tree.size(); ++i) {
    model.push_back(prediction_json(series.tree[i], series.ring[i]));
  }
  return {{"children", series.children == search::Children::shared ? "shared" : "per_slot"},
          {"union_bytes", series.points.front().weight.union_bytes},
          {"measured", std::move(points)},
          {"model", std::move(model)}};
}

double number(const Json& json, const char* key) { return json[key].get<double>(); }

std::string measured_text(const Json& series) {
  std::string text = concat(right("ranks", 6), right("step", 12), right("of model", 12),
                            right("steps/s", 10), right("speed-up", 10), right("efficiency", 12),
                            right("sent a step", 14), "   waits + sum by rank\n");
  for (const Json& point : series["measured"]) {
    std::vector<std::string> waits;
    for (std::size_t rank = 0; rank < point["wait_s"].size(); ++rank) {
      waits.push_back(seconds_text(point["wait_s"][rank].get<double>()) + " + " +
                      seconds_text(point["reduce_s"][rank].get<double>()));
    }
    const double seconds = number(point, "median_s");
    text +=
        concat(right(std::to_string(point["ranks"].get<int>()), 6),
               right(seconds_text(seconds), 12), right(seconds_text(number(point, "model_s")), 12),
               right(fixed(1.0 / seconds, 2), 10), right(fixed(number(point, "speedup"), 2), 10),
               right(percent(number(point, "efficiency")), 12),
               right(human_bytes(number(point, "bytes_sent")), 14), "   ", join(waits, ", "), "\n");
  }
  return text;
}

std::string model_text(const Json& series) {
  std::string text = concat(right("ranks", 6), right("slots", 8), right("a slot", 12),
                            right("union", 12), right("tree: step", 14), right("efficiency", 12),
                            right("ring: step", 14), right("efficiency", 12), "\n");
  for (const Json& row : series["model"]) {
    text += concat(right(std::to_string(row["ranks"].get<int>()), 6),
                   right(std::to_string(row["slots"].get<int>()), 8),
                   right(seconds_text(number(row, "slot_s")), 12),
                   right(human_bytes(number(row, "union_bytes")), 12),
                   right(seconds_text(number(row, "tree_step_s")), 14),
                   right(percent(number(row, "tree_efficiency")), 12),
                   right(seconds_text(number(row, "ring_step_s")), 14),
                   right(percent(number(row, "ring_efficiency")), 12), "\n");
  }
  return text;
}

}  // namespace

Json scaling_json(const Settings& settings, const bench::ScalingOptions& options,
                  const bench::ScalingReport& report) {
  Json json = {{"space", name_of(settings.space.kind)},
               {"data", report.data},
               {"example", report.example},
               {"device", options.device.text()},
               {"slots", settings.weights.slots},
               {"batch_size", settings.weights.batch_size},
               {"threads", report.threads},
               {"steps", options.steps},
               {"repeats", options.repeats},
               {"weight_bytes", report.weight_bytes},
               {"network",
                {{"latency_s", options.network.latency_s},
                 {"bandwidth_bytes_per_s", options.network.bandwidth}}}};
  json["series"] = Json::array();
  for (const auto& series : report.series) json["series"].push_back(series_json(series));
  return json;
}

std::string scaling_text(const Json& scaling) {
  const Json& network = scaling["network"];
  const std::string constants =
      concat(fixed(1e6 * number(network, "latency_s"), 1), " µs a message, ",
             fixed(1e-9 * number(network, "bandwidth_bytes_per_s"), 1), " GB/s a rank");
  std::string text = concat(
      scaling["space"].get<std::string>(), " on ", scaling["data"].get<std::string>(), "\n",
      scaling["slots"].get<int>(), " slot(s) of ", scaling["batch_size"].get<int>(),
      ", the same steps on any number of ranks, ", scaling["threads"].get<int>(),
      " thread(s) a rank on the ", scaling["device"].get<std::string>(), "; median of ",
      scaling["repeats"].get<int>(), " repeats of ", scaling["steps"].get<int>(), " steps\n");
  for (const Json& series : scaling["series"]) {
    text += concat("\nchildren = \"", series["children"].get<std::string>(),
                   "\": a step's gradients have ", human_bytes(number(series, "union_bytes")),
                   " (the weights that its children use), the supernet ",
                   human_bytes(number(scaling, "weight_bytes")), "\n", measured_text(series));
    if (!series["model"].empty()) {
      text += concat("a model, not a measurement (docs/scaling.md), with ", constants, ":\n",
                     model_text(series));
    }
  }
  return text;
}

}  // namespace enas::app
