// SPDX-License-Identifier: Apache-2.0
#include "space/formats/carpedm20_format.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

#include "core/text.hpp"
#include "space/json_place.hpp"

namespace enas::space {
namespace {

const std::vector<std::string> kFunctions = {"tanh", "relu", "identity", "sigmoid"};

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// One item [reader, name] of a list, with the name in lower case.
struct Edge {
  JsonPlace place;
  JsonPlace reader;
  std::string name;
};

std::vector<Edge> edges_of(const JsonPlace& dag, const std::string& key) {
  std::vector<Edge> edges;
  for (const JsonPlace& item : dag.member(key).items("a list of pairs [node, name]", 1)) {
    const auto parts = item.items("a pair [node, name]", 2, 2);
    edges.push_back({item, parts[0], lower_case(parts[1].word("a name"))});
  }
  return edges;
}

Activation function_of(const Edge& edge) {
  const auto found = std::find(kFunctions.begin(), kFunctions.end(), edge.name);
  if (found == kFunctions.end()) {
    edge.place.refuse(concat("[node, name] with one of the names ", join(kFunctions, ", ")));
  }
  return activation_from_name(*found);
}

/// Follows the lists from node 0 on.
class DagReader {
 public:
  explicit DagReader(const JsonPlace& dag) : dag_(dag) {
    // -1, -2, the nodes themselves, and the average.
    const auto size = static_cast<int>(dag.value().size());
    num_nodes_ = size - 3;
    if (num_nodes_ < 1 || num_nodes_ > kMostNodes) {
      dag.fail(concat(size, " keys, but a cell of N nodes has N+3: -1, -2, 0 to N-1, and N"));
    }
    nodes_.resize(static_cast<std::size_t>(num_nodes_));
  }

  RecurrentCell cell() {
    dag_.require_keys(known_keys());
    const Edge first = only_edge("-1", 0);
    if (function_of(only_edge("-2", 0)) != function_of(first)) {
      first.place.fail("-1 and -2 must name the same function of node 0");
    }
    nodes_[0] = recurrent_node(-1, function_of(first));
    for (int node = 0; node < num_nodes_; ++node) read_readers(node);
    if (only_edge(concat(num_nodes_), num_nodes_ + 1).name != "h[t]") {
      dag_.member(concat(num_nodes_)).refuse(concat("[[", num_nodes_ + 1, ", \"h[t]\"]]"));
    }
    RecurrentCell cell;
    for (int node = 0; node < num_nodes_; ++node) {
      const auto& found = nodes_[static_cast<std::size_t>(node)];
      if (!found) dag_.fail(concat("nobody lists node ", node, ": each node reads one before it"));
      cell.nodes.push_back(*found);
    }
    return cell;
  }

 private:
  std::vector<std::string> known_keys() const {
    std::vector<std::string> keys = {"-1", "-2"};
    for (int node = 0; node <= num_nodes_; ++node) keys.push_back(concat(node));
    return keys;
  }

  Edge only_edge(const std::string& key, int reader) const {
    const auto edges = edges_of(dag_, key);
    if (edges.size() != 1) dag_.member(key).fail("must list one pair");
    edges[0].reader.integer(reader, reader, "the node that reads it");
    return edges[0];
  }

  void read_readers(int node) {
    const auto edges = edges_of(dag_, concat(node));
    for (const Edge& edge : edges) {
      if (edge.name == "avg") {
        // The program that made it insists on this as well.
        if (edges.size() > 1) edge.place.fail("only a node that nobody else reads is averaged");
        edge.reader.integer(num_nodes_, num_nodes_, "the average");
        return;
      }
      const int reader = edge.reader.integer(node + 1, num_nodes_ - 1, "a later node");
      auto& found = nodes_[static_cast<std::size_t>(reader)];
      if (found) edge.reader.fail(concat("node ", reader, " already reads node ", found->previous));
      found = recurrent_node(node, function_of(edge));
    }
  }

  const JsonPlace& dag_;
  int num_nodes_ = 0;
  std::vector<std::optional<RecurrentCell::Node>> nodes_;
};

std::string carpedm20_name(Activation activation) {
  return activation == Activation::relu ? "ReLU" : std::string(name_of(activation));
}

}  // namespace

RecurrentCell cell_from_carpedm20(std::string_view text, std::string_view file) {
  const Json json = json_from_text(text, file);
  const JsonPlace dag(json, file);
  if (!json.is_object()) dag.refuse("an object");
  return DagReader(dag).cell();
}

std::string carpedm20_text(const RecurrentCell& cell) {
  require_loose_ends(cell, "carpedm20's dag.json averages the nodes that nobody reads, no others");
  const auto num_nodes = cell.nodes.size();
  const Json first = Json::array({0, carpedm20_name(cell.nodes.front().activation)});
  Json dag = {{"-1", Json::array({first})}, {"-2", Json::array({first})}};
  for (std::size_t i = 0; i < num_nodes; ++i) dag[concat(i)] = Json::array();
  for (std::size_t i = 1; i < num_nodes; ++i) {
    const auto& node = cell.nodes[i];
    dag[concat(node.previous)].push_back(Json::array({i, carpedm20_name(node.activation)}));
  }
  for (const int end : cell.loose_ends()) {
    dag[concat(end)].push_back(Json::array({num_nodes, "avg"}));
  }
  dag[concat(num_nodes)] = Json::array({Json::array({num_nodes + 1, "h[t]"})});
  return readable_json(dag);
}

}  // namespace enas::space
