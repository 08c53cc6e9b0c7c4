// SPDX-License-Identifier: Apache-2.0
// Architecture files into typed views, with the place of whatever is wrong.
#include <algorithm>

#include "core/text.hpp"
#include "space/architecture_file.hpp"
#include "space/json_place.hpp"

namespace enas::space {
namespace {

const std::vector<std::string> kFunctions = {"tanh", "relu", "identity", "sigmoid"};
constexpr std::string_view kNodes = "a list of nodes";

/// Numbers beside the items are for readers: wrong ones would mislead them.
void check_number(const JsonPlace& item, const std::string& key, int number) {
  if (item.has(key)) item.member(key).integer(number, number, concat("its place in the list"));
}

Operation operation_of(const JsonPlace& place, const std::vector<std::string>& known) {
  return operation_from_name(place.one_of(known, operation_remark));
}

/// Outputs and loose ends of a cell whose nodes are known and have the numbers below `count`.
template <typename Cell>
void read_outputs(const JsonPlace& place, Cell& cell, int count) {
  if (place.has("loose_ends")) {
    const JsonPlace member = place.member("loose_ends");
    if (member.set_of(0, count - 1, "a node") != cell.loose_ends()) {
      member.refuse(concat("the nodes that nobody reads, which are ", join(cell.loose_ends(), ", "),
                           " (or left out)"));
    }
  }
  if (!place.has("outputs") || place.member("outputs").value() == "loose_ends") return;
  const JsonPlace member = place.member("outputs");
  if (!member.value().is_array() || member.value().empty()) {
    member.refuse("\"loose_ends\" or a list of nodes");
  }
  name_outputs(cell, member.set_of(0, count - 1, "a node"));
}

RecurrentCell read_recurrent(const JsonPlace& place) {
  RecurrentCell cell;
  if (place.has("first_node")) {
    const bool is_fixed = place.member("first_node").one_of({"sampled", "tanh"}) == "tanh";
    cell.first_node = is_fixed ? FirstNode::tanh : FirstNode::sampled;
  }
  for (const JsonPlace& node : place.member("nodes").items(kNodes, 1, kMostNodes)) {
    const int number = static_cast<int>(cell.nodes.size());
    node.require_keys({"node", "previous", "function"});
    check_number(node, "node", number);
    int previous = -1;
    if (number > 0) {
      previous = node.member("previous").integer(0, number - 1, "an earlier node");
    } else if (node.has("previous")) {
      node.member("previous").fail("node 0 reads the input and the carried state, so it has none");
    }
    const JsonPlace function = node.member("function");
    const Activation activation = activation_from_name(function.one_of(kFunctions));
    if (number == 0 && cell.first_node == FirstNode::tanh && activation != Activation::tanh) {
      function.refuse("tanh, since first_node says so");
    }
    cell.nodes.push_back(recurrent_node(previous, activation));
  }
  read_outputs(place, cell, static_cast<int>(cell.nodes.size()));
  return cell;
}

int read_skip(const JsonPlace& skip, int layer) {
  if (skip.value() == "stem") return 0;
  // Layer l's own input is layer l-1; it can skip to the stem and to what lies before that.
  const std::string what =
      layer < 2 ? concat("\"stem\": layer ", layer, " has nothing else before its input")
                : concat("\"stem\" or a layer from 0 to ", layer - 2);
  if (layer < 2 || !skip.value().is_number_integer()) skip.refuse(what);
  if (skip.value() == layer - 1) {
    skip.fail(concat("layer ", layer - 1, " is the input of layer ", layer, " and never a skip"));
  }
  if (skip.value() < 0 || skip.value() > layer - 2) skip.refuse(what);
  return skip.value().get<int>() + 1;
}

MacroNet read_macro(const JsonPlace& place) {
  static const std::vector<std::string> kOperations = names_of(MacroSpaceOptions{}.operations);
  MacroNet net;
  for (const JsonPlace& item : place.member("layers").items("a list of layers", 1, kMostNodes)) {
    const int number = static_cast<int>(net.layers.size());
    item.require_keys({"layer", "operation", "skips"});
    check_number(item, "layer", number);
    const Operation operation = operation_of(item.member("operation"), kOperations);
    std::vector<int> skips;
    if (item.has("skips")) {
      const JsonPlace list = item.member("skips");
      if (number == 0 && list.value() != Json::array()) {
        list.refuse("an empty list, since layer 0 reads the stem");
      }
      for (const JsonPlace& skip : list.items("a list of skips", 0)) {
        skips.push_back(read_skip(skip, number));
        if (std::count(skips.begin(), skips.end(), skips.back()) > 1) skip.fail("it appears twice");
      }
    }
    net.layers.push_back(macro_layer(operation, std::move(skips)));
  }
  return net;
}

MicroCell read_micro_cell(const JsonPlace& place) {
  static const std::vector<std::string> kOperations = names_of(MicroSpaceOptions{}.operations);
  MicroCell cell;
  place.require_keys({"nodes", "loose_ends", "outputs"});
  for (const JsonPlace& node : place.member("nodes").items(kNodes, 1, kMostNodes)) {
    const int number = static_cast<int>(cell.nodes.size()) + 2;
    node.require_keys({"node", "inputs", "operations"});
    if (node.has("node")) {
      node.member("node").integer(number, number,
                                  "its place in the list, which begins with node 2");
    }
    const auto inputs = node.member("inputs").items("a list of earlier nodes", 2, 2);
    const auto operations = node.member("operations").items("a list of operations", 2, 2);
    std::array<MicroCell::Side, 2> sides;
    for (std::size_t side = 0; side < sides.size(); ++side) {
      sides[side] = micro_side(inputs[side].integer(0, number - 1, "an earlier node"),
                               operation_of(operations[side], kOperations));
    }
    cell.nodes.push_back(sides);
  }
  read_outputs(place, cell, static_cast<int>(cell.nodes.size()) + 2);
  return cell;
}

MicroNet read_micro(const JsonPlace& place) {
  MicroNet net = {.normal = read_micro_cell(place.member("normal")),
                  .reduction = read_micro_cell(place.member("reduction"))};
  if (net.normal.nodes.size() != net.reduction.nodes.size()) {
    place.member("reduction")
        .member("nodes")
        .fail(concat(net.reduction.nodes.size(), " items, but the normal cell has ",
                     net.normal.nodes.size(), ": both cells have the same number of nodes"));
  }
  return net;
}

/// `common` are the keys that are allowed besides the network's own.
TypedView read_network(const JsonPlace& place, std::vector<std::string> common) {
  const auto require_keys = [&](std::vector<std::string> own) {
    own.insert(own.end(), common.begin(), common.end());
    place.require_keys(own);
  };
  switch (space_kind_from_name(place.member("space").one_of({"recurrent", "macro", "micro"}))) {
    case SpaceKind::recurrent:
      require_keys({"space", "first_node", "nodes", "loose_ends", "outputs"});
      return read_recurrent(place);
    case SpaceKind::macro:
      require_keys({"space", "layers"});
      return read_macro(place);
    case SpaceKind::micro:
      break;
  }
  require_keys({"space", "normal", "reduction"});
  return read_micro(place);
}

Json object_or_null(const JsonPlace& place, const std::string& key) {
  if (!place.has(key)) return nullptr;
  const JsonPlace member = place.member(key);
  if (!member.value().is_object() && !member.value().is_null()) member.refuse("an object or null");
  return member.value();
}

std::string read_name(const JsonPlace& place) {
  if (!place.has("name")) return "";
  const JsonPlace member = place.member("name");
  const std::string name = member.word("a text");
  const bool has_controls = std::any_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (has_controls || name.size() > 200) {
    member.refuse("a text of at most 200 bytes without control characters");
  }
  return name;
}

/// What a search writes as best.json. Later versions may add keys.
ArchitectureFile from_best(const JsonPlace& place) {
  ArchitectureFile file{.network = read_network(place.member("architecture"), {})};
  const auto copy = [&](Json& to, const std::string& key) {
    if (place.has(key)) to[key] = place.member(key).value();
  };
  for (const char* key : {"strategy", "seed", "step", "program_version", "git_revision"}) {
    copy(file.origin, key);
  }
  for (const char* key : {"metric", "perplexity", "accuracy", "scored_on"}) {
    copy(file.metrics, key);
  }
  return file;
}

}  // namespace

ArchitectureFile architecture_from_json(const Json& json, std::string_view file) {
  const JsonPlace place(json, file);
  if (!json.is_object()) place.refuse("an object");
  if (!place.has("format")) {
    place.fail(
        "\"format\": \"enas_hpc architecture\" is missing; the files of other programs are read by "
        "enas_hpc arch convert --from FORMAT");
  }
  const std::string format =
      place.member("format").one_of({"enas_hpc architecture", "enas_hpc best"});
  if (format == "enas_hpc best") return from_best(place);
  place.member("version").integer(1, 1, "the version that this program reads");
  return {.network = read_network(place, {"format", "version", "name", "origin", "metrics"}),
          .name = read_name(place),
          .origin = object_or_null(place, "origin"),
          .metrics = object_or_null(place, "metrics")};
}

}  // namespace enas::space
