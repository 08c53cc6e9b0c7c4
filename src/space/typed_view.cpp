// SPDX-License-Identifier: Apache-2.0
#include "space/typed_view.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::space {
namespace {

constexpr std::array<std::string_view, 3> kKindNames = {"recurrent", "macro", "micro"};

template <typename Item>
int code_in(const std::vector<Item>& items, Item item) {
  const auto found = std::find(items.begin(), items.end(), item);
  return found == items.end() ? -1 : static_cast<int>(found - items.begin());
}

/// The code of what a node or layer applies. `place` is for the message: "layer 3".
template <typename Item>
std::int32_t token_in(const std::vector<Item>& items, Item item, const std::string& place,
                      const char* key) {
  const int code = code_in(items, item);
  if (code >= 0) return code;
  std::vector<std::string_view> names;
  for (const Item& known : items) names.push_back(name_of(known));
  throw InputError(concat(place, " applies ", name_of(item), ", but the space has only ",
                          join(names, ", "), " (", key, ")"));
}

void require_count(std::size_t present, int wanted, const char* what, const char* key) {
  if (present == static_cast<std::size_t>(wanted)) return;
  throw InputError(concat("the architecture has ", present, " ", what, ", but the space has ",
                          wanted, " (", key, ")"));
}

template <typename Cell>
void name_cell_outputs(Cell& cell, std::vector<int> outputs) {
  std::sort(outputs.begin(), outputs.end());
  if (outputs == cell.loose_ends()) outputs.clear();
  cell.named_outputs = std::move(outputs);
}

template <typename Cell>
void add_warning(std::vector<std::string>& warnings, const char* name, const Cell& cell) {
  if (cell.named_outputs.empty()) return;
  warnings.push_back(concat("the outputs of the ", name, " cell are ", join(cell.outputs(), " "),
                            ", not its loose ends ", join(cell.loose_ends(), " ")));
}

constexpr std::string_view kNoNamedOutputs = "the children of a search space end in loose ends";

void add_tokens(std::vector<std::int32_t>& tokens, const MicroSpaceOptions& options,
                const MicroCell& cell, const char* name) {
  require_count(cell.nodes.size() + 2, options.nodes, concat(name, " nodes").c_str(),
                "space.nodes, the two inputs included");
  for (std::size_t i = 0; i < cell.nodes.size(); ++i) {
    for (const MicroCell::Side& side : cell.nodes[i]) {
      tokens.push_back(side.input);
      tokens.push_back(token_in(options.operations, side.operation,
                                concat("node ", i + 2, " of the ", name, " cell"),
                                "space.operations"));
    }
  }
}

}  // namespace

SpaceKind kind_of(const TypedView& view) { return static_cast<SpaceKind>(view.index()); }

std::string_view name_of(SpaceKind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

SpaceKind space_kind_from_name(std::string_view name) {
  const auto found = std::find(kKindNames.begin(), kKindNames.end(), name);
  if (found == kKindNames.end()) {
    throw InputError(concat("unknown space '", name, "': known are ", join(kKindNames, ", ")));
  }
  return static_cast<SpaceKind>(found - kKindNames.begin());
}

RecurrentCell::Node recurrent_node(int previous, Activation activation) {
  static const RecurrentSpaceOptions authors;
  return {.previous = previous,
          .function = code_in(authors.activations, activation),
          .activation = activation};
}

MacroNet::Layer macro_layer(Operation operation, std::vector<int> skips) {
  static const MacroSpaceOptions authors;
  std::sort(skips.begin(), skips.end());
  return {.code = code_in(authors.operations, operation),
          .operation = operation,
          .skips = std::move(skips)};
}

MicroCell::Side micro_side(int input, Operation operation) {
  static const MicroSpaceOptions authors;
  return {.input = input, .code = code_in(authors.operations, operation), .operation = operation};
}

void name_outputs(RecurrentCell& cell, std::vector<int> outputs) {
  name_cell_outputs(cell, std::move(outputs));
}

void name_outputs(MicroCell& cell, std::vector<int> outputs) {
  name_cell_outputs(cell, std::move(outputs));
}

std::vector<std::string> output_warnings(const TypedView& view) {
  std::vector<std::string> warnings;
  if (const auto* cell = std::get_if<RecurrentCell>(&view)) {
    add_warning(warnings, "recurrent", *cell);
  } else if (const auto* net = std::get_if<MicroNet>(&view)) {
    add_warning(warnings, "normal", net->normal);
    add_warning(warnings, "reduction", net->reduction);
  }
  return warnings;
}

void require_loose_ends(const TypedView& view, std::string_view why) {
  const auto warnings = output_warnings(view);
  if (!warnings.empty()) throw InputError(concat(warnings.front(), ": ", why));
}

Architecture tokens_of(const RecurrentSpaceOptions& options, const RecurrentCell& cell) {
  const SearchSpace decisions = recurrent_space(options);
  require_count(cell.nodes.size(), options.nodes, "nodes", "space.nodes");
  require_loose_ends(cell, kNoNamedOutputs);
  Architecture architecture{decisions.id(), {}};
  for (std::size_t i = 0; i < cell.nodes.size(); ++i) {
    const RecurrentCell::Node& node = cell.nodes[i];
    if (i > 0) architecture.tokens.push_back(node.previous);
    if (i > 0 || options.first_node == FirstNode::sampled) {
      architecture.tokens.push_back(
          token_in(options.activations, node.activation, concat("node ", i), "space.activations"));
    } else if (node.activation != Activation::tanh) {
      throw InputError(concat("node 0 applies ", name_of(node.activation),
                              ", but the space fixes it to tanh (space.first_node)"));
    }
  }
  decisions.validate(architecture.tokens);
  return architecture;
}

Architecture tokens_of(const MacroSpaceOptions& options, const MacroNet& net) {
  const SearchSpace decisions = macro_space(options);
  require_count(net.layers.size(), options.layers, "layers", "space.layers");
  Architecture architecture{decisions.id(), {}};
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    const MacroNet::Layer& layer = net.layers[i];
    architecture.tokens.push_back(
        token_in(options.operations, layer.operation, concat("layer ", i), "space.operations"));
    std::vector<std::int32_t> bits(i, 0);
    for (const int entry : layer.skips) bits.at(static_cast<std::size_t>(entry)) = 1;
    architecture.tokens.insert(architecture.tokens.end(), bits.begin(), bits.end());
  }
  decisions.validate(architecture.tokens);
  return architecture;
}

Architecture tokens_of(const MicroSpaceOptions& options, const MicroNet& net) {
  const SearchSpace decisions = micro_space(options);
  require_loose_ends(net, kNoNamedOutputs);
  Architecture architecture{decisions.id(), {}};
  add_tokens(architecture.tokens, options, net.normal, "normal");
  add_tokens(architecture.tokens, options, net.reduction, "reduction");
  decisions.validate(architecture.tokens);
  return architecture;
}

}  // namespace enas::space
