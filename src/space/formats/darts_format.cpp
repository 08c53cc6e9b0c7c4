// SPDX-License-Identifier: Apache-2.0
#include "space/formats/darts_format.hpp"

#include <array>
#include <iterator>
#include <utility>

#include "core/error.hpp"
#include "core/text.hpp"
#include "space/formats/genotype_text.hpp"
#include "space/json_place.hpp"

namespace enas::space {
namespace {

const std::vector<std::string> kFunctions = {"tanh", "relu", "sigmoid", "identity"};

/// DARTS's names of the operations that a micro cell has.
const std::vector<std::string> kOperations = {"sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3",
                                              "max_pool_3x3", "skip_connect"};

Operation operation_of(const JsonPlace& place) {
  const std::string name = place.one_of(kOperations, operation_remark);
  return name == "skip_connect" ? Operation::identity : operation_from_name(name);
}

std::string darts_name(Operation operation) {
  return operation == Operation::identity ? "skip_connect" : std::string(name_of(operation));
}

/// The two parts of a pair (name, number). A third one, the operation's weight as GDAS has it, is
/// dropped.
std::array<JsonPlace, 2> pair_of(const JsonPlace& item) {
  const auto parts = item.items("a pair (name, node), or (name, node, weight)", 2, 3);
  if (parts.size() == 3) {
    const Json& weight = parts[2].value();
    if (!weight.is_number() && !weight.is_null()) parts[2].refuse("a weight, which is a number");
  }
  return {parts[0], parts[1]};
}

/// The pairs of at most `most_nodes` nodes, also where those of each node are a list of their own.
std::vector<JsonPlace> pairs_of(const JsonPlace& list, std::size_t per_node, int most_nodes) {
  std::vector<JsonPlace> pairs;
  for (const JsonPlace& item : list.items("a list of pairs (name, node)", 1)) {
    const Json& value = item.value();
    const bool is_group = value.is_array() && !value.empty() && value[0].is_array();
    if (!is_group) {
      pairs.push_back(item);
      continue;
    }
    if (value.size() != per_node) {
      item.fail(concat(value.size(), value.size() == 1 ? " pair" : " pairs", ", but each node has ",
                       per_node == 1 ? "one" : "two"));
    }
    for (const JsonPlace& pair : item.items("a list of pairs", per_node, per_node)) {
      pairs.push_back(pair);
    }
  }
  const std::size_t most = per_node * static_cast<std::size_t>(most_nodes);
  if (pairs.size() > most) list.fail(concat(pairs.size(), " pairs, but at most ", most));
  return pairs;
}

std::vector<int> concat_of(const JsonPlace& place, int num_nodes) {
  const auto nodes = place.set_of(0, num_nodes - 1, "a node");
  if (nodes.empty()) place.refuse("a list of at least one node");
  return nodes;
}

RecurrentCell recurrent_of(const JsonPlace& place) {
  place.require_keys({"recurrent", "concat"});
  RecurrentCell cell;
  cell.first_node = FirstNode::tanh;
  cell.nodes.push_back(recurrent_node(-1, Activation::tanh));
  for (const JsonPlace& item : pairs_of(place.member("recurrent"), 1, kMostNodes - 1)) {
    const auto [function, previous] = pair_of(item);
    const int last = static_cast<int>(cell.nodes.size()) - 1;
    cell.nodes.push_back(recurrent_node(previous.integer(0, last, "an earlier state"),
                                        activation_from_name(function.one_of(kFunctions))));
  }
  name_outputs(cell, concat_of(place.member("concat"), static_cast<int>(cell.nodes.size())));
  return cell;
}

MicroCell micro_cell_of(const JsonPlace& place, const std::string& name) {
  MicroCell cell;
  const JsonPlace list = place.member(name);
  const auto pairs = pairs_of(list, 2, kMostNodes);
  if (pairs.size() % 2 != 0) list.fail(concat(pairs.size(), " pairs, but each node has two"));
  for (std::size_t i = 0; i < pairs.size(); i += 2) {
    std::array<MicroCell::Side, 2> sides;
    for (std::size_t side = 0; side < 2; ++side) {
      const auto [operation, input] = pair_of(pairs[i + side]);
      sides[side] = micro_side(input.integer(0, static_cast<int>(i / 2) + 1, "an earlier node"),
                               operation_of(operation));
    }
    cell.nodes.push_back(sides);
  }
  name_outputs(cell,
               concat_of(place.member(name + "_concat"), static_cast<int>(cell.nodes.size()) + 2));
  return cell;
}

MicroNet micro_of(const JsonPlace& place) {
  place.require_keys({"normal", "normal_concat", "reduce", "reduce_concat"});
  MicroNet net = {.normal = micro_cell_of(place, "normal"),
                  .reduction = micro_cell_of(place, "reduce")};
  if (net.normal.nodes.size() != net.reduction.nodes.size()) {
    place.member("reduce").fail("both cells must have the same number of nodes");
  }
  return net;
}

TypedView micro_or_recurrent_of(const JsonPlace& place) {
  if (place.has("recurrent")) return recurrent_of(place);
  return micro_of(place);
}

std::string list_text(const std::vector<int>& numbers) {
  return concat("[", join(numbers, ", "), "]");
}

std::string pair_text(std::string_view name, int number) {
  return concat("('", name, "', ", number, ")");
}

std::string text_of(const RecurrentCell& cell) {
  if (cell.nodes.front().activation != Activation::tanh || cell.nodes.size() < 2) {
    throw InputError(concat("node 0 applies ", name_of(cell.nodes.front().activation),
                            cell.nodes.size() < 2 ? " and has no other node after it" : "",
                            ", but darts's cells begin with a fixed tanh and have further nodes"));
  }
  std::vector<std::string> pairs;
  for (std::size_t i = 1; i < cell.nodes.size(); ++i) {
    pairs.push_back(pair_text(name_of(cell.nodes[i].activation), cell.nodes[i].previous));
  }
  return concat("Genotype(\n    recurrent=[\n        ", join(pairs, ",\n        "),
                ",\n    ],\n    concat=", list_text(cell.outputs()), ",\n)\n");
}

std::string cell_text(const MicroCell& cell, std::string_view name) {
  std::string text = concat("    ", name, "=[\n");
  for (const auto& [one, two] : cell.nodes) {
    text += concat("        ", pair_text(darts_name(one.operation), one.input), ", ",
                   pair_text(darts_name(two.operation), two.input), ",\n");
  }
  return concat(text, "    ],\n    ", name, "_concat=", list_text(cell.outputs()), ",\n");
}

}  // namespace

ArchitectureFile file_from_darts(std::string_view text, std::string_view file, int nth) {
  Genotype genotype = genotype_from_text(text, file, nth);
  // What is None says nothing, as connects of GDAS.
  for (auto field = genotype.fields.begin(); field != genotype.fields.end();) {
    field = field->is_null() ? genotype.fields.erase(field) : std::next(field);
  }
  const std::string where =
      genotype.count > 1 ? concat(file, ":", genotype.line) : std::string(file);
  const JsonPlace place(genotype.fields, where);
  ArchitectureFile imported{.network = micro_or_recurrent_of(place)};
  if (nth == 0 && genotype.count > 1) {
    imported.notes.push_back(concat(file, " has ", genotype.count,
                                    " genotypes; the last one is read, of line ", genotype.line,
                                    " (--nth takes another)"));
  }
  return imported;
}

std::string darts_text(const TypedView& view) {
  if (const auto* cell = std::get_if<RecurrentCell>(&view)) return text_of(*cell);
  const auto& net = std::get<MicroNet>(view);
  return concat("Genotype(\n", cell_text(net.normal, "normal"), cell_text(net.reduction, "reduce"),
                ")\n");
}

}  // namespace enas::space
