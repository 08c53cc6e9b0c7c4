// SPDX-License-Identifier: Apache-2.0
// The recurrent space's decisions, and the cell that its tokens stand for.
#include "space/recurrent.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/error.hpp"
#include "core/json.hpp"
#include "core/text.hpp"

namespace enas::space {
namespace {

constexpr std::array<std::pair<Activation, std::string_view>, 4> kActivationNames = {
    {{Activation::tanh, "tanh"},
     {Activation::relu, "relu"},
     {Activation::identity, "identity"},
     {Activation::sigmoid, "sigmoid"}}};

Decision first_node_decision(FirstNode first_node) {
  Decision decision{.name = "node 0 anchor", .kind = DecisionKind::none, .next = NextInput::start};
  const bool sampled = first_node == FirstNode::sampled;
  decision.lstm_steps = sampled ? 1 : 0;
  decision.anchor = sampled ? AnchorAfter::own_state : AnchorAfter::zero;
  return decision;
}

Decision function_decision(int node, int num_functions, int token) {
  return {.name = concat("node ", node, " function"),
          .kind = DecisionKind::option,
          .next = NextInput::option_embedding,
          .num_choices = num_functions,
          .token = token};
}

Decision previous_decision(int node, double distance_penalty, int token) {
  return {.name = concat("node ", node, " previous"),
          .kind = DecisionKind::earlier_node,
          .next = NextInput::scaled_anchor,
          .anchor = AnchorAfter::own_state,
          .num_choices = node,
          .distance_penalty = distance_penalty,
          .token = token};
}

void require_valid(const RecurrentSpaceOptions& options) {
  const int fewest = options.first_node == FirstNode::sampled ? 1 : 2;
  if (options.nodes < fewest) {
    throw ConfigError(concat("a recurrent cell with ", options.nodes, " nodes: allowed are ",
                             fewest, " or more", fewest == 2 ? " with a fixed first node" : "",
                             " (space.nodes)"));
  }
  if (!(std::isfinite(options.distance_penalty) && options.distance_penalty >= 0.0)) {
    throw ConfigError(concat("distance penalty ", options.distance_penalty,
                             ": allowed are 0 (none) and more (space.distance_penalty)"));
  }
  if (options.activations.empty()) {
    throw ConfigError(
        "the recurrent space has no functions: name at least one (space.activations)");
  }
  for (auto it = options.activations.begin(); it != options.activations.end(); ++it) {
    if (std::find(options.activations.begin(), it, *it) != it) {
      throw ConfigError(concat("the function '", name_of(*it),
                               "' is listed twice: each may appear once (space.activations)"));
    }
  }
}

}  // namespace

std::string_view name_of(Activation activation) {
  for (const auto& [known, name] : kActivationNames) {
    if (known == activation) return name;
  }
  throw ContractError(concat("no activation has the number ", static_cast<int>(activation)));
}

Activation activation_from_name(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& [activation, known] : kActivationNames) {
    if (known == name) return activation;
    names.push_back(known);
  }
  throw InputError(concat("unknown function '", name, "': known are ", join(names, ", ")));
}

SearchSpace recurrent_space(const RecurrentSpaceOptions& options) {
  require_valid(options);
  std::vector<std::string> names;
  for (const Activation activation : options.activations) names.emplace_back(name_of(activation));
  const int num_functions = static_cast<int>(names.size());

  int token = 0;
  std::vector<Decision> decisions = {first_node_decision(options.first_node)};
  if (options.first_node == FirstNode::sampled) {
    decisions.push_back(function_decision(0, num_functions, token++));
  }
  for (int node = 1; node < options.nodes; ++node) {
    decisions.push_back(previous_decision(node, options.distance_penalty, token++));
    decisions.push_back(function_decision(node, num_functions, token++));
  }
  const bool sampled = options.first_node == FirstNode::sampled;
  return SearchSpace(concat("recurrent/", options.nodes, sampled ? "" : "/fixed"), std::move(names),
                     std::move(decisions));
}

std::string recurrent_paper_size(const RecurrentSpaceOptions& options) {
  const auto functions = static_cast<double>(options.activations.size());
  return rounded_size_text(options.nodes * std::log(functions) +
                           std::lgamma(static_cast<double>(options.nodes) + 1.0));
}

std::vector<int> RecurrentCell::loose_ends() const {
  std::vector<bool> is_read(nodes.size(), false);
  for (const Node& node : nodes) {
    if (node.previous >= 0) is_read.at(static_cast<std::size_t>(node.previous)) = true;
  }
  std::vector<int> ends;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!is_read[i]) ends.push_back(static_cast<int>(i));
  }
  return ends;
}

std::vector<int> RecurrentCell::searched_nodes() const {
  const bool skip_first = first_node == FirstNode::tanh && nodes.size() > 1;
  std::vector<int> numbers(nodes.size() - (skip_first ? 1 : 0));
  std::iota(numbers.begin(), numbers.end(), skip_first ? 1 : 0);
  return numbers;
}

std::string RecurrentCell::text() const {
  std::string text;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    text += concat(i, ":", name_of(nodes[i].activation));
    if (nodes[i].previous >= 0) text += concat("(", nodes[i].previous, ")");
    text += " ";
  }
  return concat(text, "| mean ", join(outputs(), " "));
}

RecurrentCell recurrent_cell(const RecurrentSpaceOptions& options,
                             const Architecture& architecture) {
  return recurrent_cell(options, recurrent_space(options), architecture);
}

RecurrentCell recurrent_cell(const RecurrentSpaceOptions& options, const SearchSpace& decisions,
                             const Architecture& architecture) {
  decisions.validate(architecture.tokens);
  const auto& activations = options.activations;
  RecurrentCell cell;
  cell.first_node = options.first_node;
  std::size_t position = 0;
  const auto take = [&] { return static_cast<int>(architecture.tokens[position++]); };
  for (int i = 0; i < options.nodes; ++i) {
    RecurrentCell::Node node;
    if (i > 0) node.previous = take();
    if (i > 0 || options.first_node == FirstNode::sampled) {
      node.function = take();
      node.activation = activations[static_cast<std::size_t>(node.function)];
    } else {
      const auto found = std::find(activations.begin(), activations.end(), Activation::tanh);
      if (found != activations.end()) node.function = static_cast<int>(found - activations.begin());
    }
    cell.nodes.push_back(node);
  }
  return cell;
}

std::string recurrent_cell_json(const RecurrentCell& cell) {
  Json json = {{"space", "recurrent"}, {"nodes", Json::array()}};
  for (std::size_t i = 0; i < cell.nodes.size(); ++i) {
    Json node = {{"node", i}};
    if (cell.nodes[i].previous >= 0) node["previous"] = cell.nodes[i].previous;
    node["function"] = name_of(cell.nodes[i].activation);
    json["nodes"].push_back(std::move(node));
  }
  json["loose_ends"] = cell.loose_ends();
  json["first_node"] = cell.first_node == FirstNode::sampled ? "sampled" : "tanh";
  return json.dump();
}

}  // namespace enas::space
