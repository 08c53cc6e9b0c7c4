// SPDX-License-Identifier: Apache-2.0
#include "space/formats/nni_format.hpp"

#include <array>
#include <utility>

#include "core/error.hpp"
#include "core/text.hpp"
#include "space/json_place.hpp"

namespace enas::space {
namespace {

/// In NNI's order.
const std::vector<std::string> kOperations = {"skip_connect", "sep_conv_3x3", "sep_conv_5x5",
                                              "avg_pool_3x3", "max_pool_3x3"};
constexpr const char* kRule = "NNI puts out the nodes that nobody reads, never the two inputs";

std::string key_of(const char* cell, const char* what, std::size_t node, std::size_t side) {
  return concat(cell, "/", what, "_", node, "_", side);
}

std::vector<int> nni_outputs(const MicroCell& cell) {
  std::vector<int> outputs = cell.loose_ends();
  std::erase_if(outputs, [](int node) { return node < 2; });
  return outputs;
}

Operation operation_of(const JsonPlace& place) {
  const std::string name = place.one_of(kOperations, operation_remark);
  return name == "skip_connect" ? Operation::identity : operation_from_name(name);
}

int input_of(const JsonPlace& place, std::size_t node) {
  const int last = static_cast<int>(node) - 1;
  if (!place.value().is_array()) return place.integer(0, last, "an earlier node");
  return place.items("a list of one node", 1, 1)[0].integer(0, last, "an earlier node");
}

/// Adds the keys that it reads to `known`.
MicroCell cell_of(const JsonPlace& place, const char* name, std::vector<std::string>& known) {
  MicroCell cell;
  for (std::size_t node = 2; node == 2 || place.has(key_of(name, "op", node, 0)); ++node) {
    if (node > kMostNodes) place.fail(concat("more than ", kMostNodes, " nodes"));
    std::array<MicroCell::Side, 2> sides;
    for (std::size_t side = 0; side < 2; ++side) {
      const std::string operation = key_of(name, "op", node, side);
      const std::string input = key_of(name, "input", node, side);
      known.insert(known.end(), {operation, input});
      sides[side] =
          micro_side(input_of(place.member(input), node), operation_of(place.member(operation)));
    }
    cell.nodes.push_back(sides);
  }
  name_outputs(cell, nni_outputs(cell));
  return cell;
}

void add_cell(Json& json, const char* name, const MicroCell& cell) {
  if (cell.outputs() != nni_outputs(cell)) {
    throw InputError(concat("the outputs of the ", name, " cell are ", join(cell.outputs(), " "),
                            ", but nni has no place for them: ", kRule, ", which would be ",
                            join(nni_outputs(cell), " ")));
  }
  for (std::size_t i = 0; i < cell.nodes.size(); ++i) {
    for (std::size_t side = 0; side < 2; ++side) {
      const auto& [input, code, operation] = cell.nodes[i][side];
      const bool is_identity = operation == Operation::identity;
      json[key_of(name, "op", i + 2, side)] = is_identity ? "skip_connect" : name_of(operation);
      json[key_of(name, "input", i + 2, side)] = {input};
    }
  }
}

}  // namespace

ArchitectureFile net_from_nni(std::string_view text, std::string_view file) {
  const Json json = json_from_text(text, file);
  const JsonPlace place(json, file);
  std::vector<std::string> known = {"width", "depth"};
  MicroNet net = {.normal = cell_of(place, "normal", known),
                  .reduction = cell_of(place, "reduce", known)};
  place.require_keys(known);
  if (net.normal.nodes.size() != net.reduction.nodes.size()) {
    place.fail("the cells normal and reduce must have the same number of nodes");
  }
  ArchitectureFile imported{.network = std::move(net)};
  for (const char* key : {"width", "depth"}) {
    if (place.has(key)) imported.origin["nni"][key] = place.member(key).value();
  }
  return imported;
}

std::string nni_text(const MicroNet& net) {
  Json json = Json::object();
  add_cell(json, "normal", net.normal);
  add_cell(json, "reduce", net.reduction);
  return readable_json(json);
}

}  // namespace enas::space
