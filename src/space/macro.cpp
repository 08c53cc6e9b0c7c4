// SPDX-License-Identifier: Apache-2.0
// The macro space's decisions, and the network that its tokens stand for.
#include "space/macro.hpp"

#include <cmath>
#include <utility>

#include "core/error.hpp"
#include "core/json.hpp"
#include "core/text.hpp"

namespace enas::space {
namespace {

void require_valid(const MacroSpaceOptions& options) {
  if (options.layers < 1) {
    throw ConfigError(concat("a macro network with ", options.layers,
                             " layers: allowed are 1 or more (space.layers)"));
  }
  require_operations(options.operations, MacroSpaceOptions{}.operations, "macro");
}

Decision operation_decision(int layer, int num_operations, int token) {
  return {.name = concat("layer ", layer, " operation"),
          .kind = DecisionKind::option,
          .next = NextInput::option_embedding,
          .num_choices = num_operations,
          .token = token};
}

// Its state is the layer's anchor.
Decision skip_decision(int layer, int token) {
  if (layer == 0) {
    return {.name = "layer 0 anchor",
            .kind = DecisionKind::none,
            .next = NextInput::start,
            .anchor = AnchorAfter::own_state};
  }
  return {.name = concat("layer ", layer, " skip"),
          .kind = DecisionKind::subset,
          .next = NextInput::mean_anchor,
          .anchor = AnchorAfter::own_state,
          .num_choices = layer,
          .token = token};
}

}  // namespace

SearchSpace macro_space(const MacroSpaceOptions& options) {
  require_valid(options);
  const int num_operations = static_cast<int>(options.operations.size());
  std::vector<Decision> decisions;
  int token = 0;
  for (int layer = 0; layer < options.layers; ++layer) {
    decisions.push_back(operation_decision(layer, num_operations, token));
    decisions.push_back(skip_decision(layer, token + 1));
    token += 1 + layer;
  }
  return SearchSpace(concat("macro/", options.layers), names_of(options.operations),
                     std::move(decisions));
}

std::string macro_paper_size(const MacroSpaceOptions& options) {
  const double layers = options.layers;
  const auto num_operations = static_cast<double>(options.operations.size());
  return rounded_size_text(layers * std::log(num_operations) +
                           0.5 * layers * (layers - 1.0) * std::log(2.0));
}

std::vector<int> pool_layers(int layers) {
  const int third = layers / 3;
  if (third == 0) return {};
  return {third - 1, 2 * third - 1};
}

std::string MacroNet::text() const {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    words.push_back(concat(i, ":", name_of(layers[i].operation)));
    if (!layers[i].skips.empty()) words.back() += concat("+", join(layers[i].skips, ","));
  }
  return join(words, " ");
}

MacroNet macro_net(const MacroSpaceOptions& options, const Architecture& architecture) {
  return macro_net(options, macro_space(options), architecture);
}

MacroNet macro_net(const MacroSpaceOptions& options, const SearchSpace& decisions,
                   const Architecture& architecture) {
  decisions.validate(architecture.tokens);
  MacroNet net;
  std::size_t position = 0;
  for (int i = 0; i < options.layers; ++i) {
    MacroNet::Layer layer;
    layer.code = architecture.tokens[position++];
    layer.operation = options.operations[static_cast<std::size_t>(layer.code)];
    for (int entry = 0; entry < i; ++entry) {
      if (architecture.tokens[position++] == 1) layer.skips.push_back(entry);
    }
    net.layers.push_back(std::move(layer));
  }
  return net;
}

std::string macro_net_json(const MacroNet& net) {
  Json json = {{"space", "macro"}, {"layers", Json::array()}};
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    Json skips = Json::array();
    for (const int entry : net.layers[i].skips) {
      skips.push_back(entry == 0 ? Json("stem") : Json(entry - 1));
    }
    json["layers"].push_back(
        {{"layer", i}, {"operation", name_of(net.layers[i].operation)}, {"skips", skips}});
  }
  return json.dump();
}

}  // namespace enas::space
