// SPDX-License-Identifier: Apache-2.0
#include "space/formats/token_formats.hpp"

#include <algorithm>
#include <utility>

#include "core/error.hpp"
#include "core/text.hpp"
#include "space/pasted_text.hpp"

namespace enas::space {
namespace {

constexpr const char* kNoOutputs = "strings of numbers have no place for outputs";

std::vector<std::int32_t> tokens_in(std::string text) {
  for (const char c : {',', '"', '\''}) std::replace(text.begin(), text.end(), c, ' ');
  return tokens_from_text(text);
}

/// Runs `read`; what it throws names the file.
template <typename Read>
auto in_file(std::string_view file, const Read& read) {
  try {
    return read();
  } catch (const InputError& error) {
    throw InputError(concat(file, ": ", error.what()));
  }
}

[[noreturn]] void fail_length(std::size_t present, const char* what) {
  throw InputError(concat(present, present == 1 ? " number" : " numbers", ", but ", what));
}

void require_size(int nodes) {
  if (nodes > kMostNodes) {
    throw InputError(concat(nodes, " nodes or layers, but at most ", kMostNodes, " are allowed"));
  }
}

RecurrentCell recurrent_from_tf(std::vector<std::int32_t> tokens) {
  if (tokens.size() % 2 == 0) {
    fail_length(tokens.size(),
                "a recurrent cell of N nodes has 2N-1 in tf: the function of node 0, then previous "
                "node and function of each other (strings of enas_lm have an even length)");
  }
  const RecurrentSpaceOptions options = {.nodes = static_cast<int>(tokens.size() / 2) + 1};
  require_size(options.nodes);
  return recurrent_cell(options, {"", std::move(tokens)});
}

MacroNet macro_from_tf(std::vector<std::int32_t> tokens) {
  std::size_t layers = 0;
  while (layers * (layers + 1) / 2 < tokens.size()) ++layers;
  if (layers == 0 || layers * (layers + 1) / 2 != tokens.size()) {
    fail_length(tokens.size(),
                "a macro network of L layers has L(L+1)/2: of layer l its operation, then l bits");
  }
  const MacroSpaceOptions options = {.layers = static_cast<int>(layers)};
  require_size(options.layers);
  return macro_net(options, {"", std::move(tokens)});
}

MicroNet micro_from_tf(std::vector<std::int32_t> tokens) {
  if (tokens.empty() || tokens.size() % 8 != 0) {
    fail_length(tokens.size(),
                "the two cells of a micro network have 8 a node: (input, operation, input, "
                "operation) for each node of the normal, then of the reduction cell");
  }
  const MicroSpaceOptions options = {.nodes = static_cast<int>(tokens.size() / 8) + 2};
  require_size(options.nodes);
  return micro_net(options, {"", std::move(tokens)});
}

RecurrentSpaceOptions enas_lm_options(int nodes) {
  return {.nodes = nodes,
          .activations = {Activation::tanh, Activation::relu, Activation::sigmoid,
                          Activation::identity},
          .first_node = FirstNode::tanh};
}

}  // namespace

TypedView view_from_tf(SpaceKind kind, std::string_view text, std::string_view file) {
  const std::string plain = with_plain_blanks(text, file);
  return in_file(file, [&]() -> TypedView {
    std::vector<std::int32_t> tokens = tokens_in(plain);
    if (kind == SpaceKind::recurrent) return recurrent_from_tf(std::move(tokens));
    if (kind == SpaceKind::macro) return macro_from_tf(std::move(tokens));
    return micro_from_tf(std::move(tokens));
  });
}

std::string tf_text(const TypedView& view) {
  require_loose_ends(view, kNoOutputs);
  Architecture architecture;
  if (const auto* cell = std::get_if<RecurrentCell>(&view)) {
    architecture = tokens_of({.nodes = static_cast<int>(cell->nodes.size())}, *cell);
  } else if (const auto* net = std::get_if<MacroNet>(&view)) {
    architecture = tokens_of({.layers = static_cast<int>(net->layers.size())}, *net);
  } else {
    const auto& micro = std::get<MicroNet>(view);
    architecture = tokens_of({.nodes = static_cast<int>(micro.normal.nodes.size()) + 2}, micro);
  }
  return architecture.text() + "\n";
}

RecurrentCell cell_from_enas_lm(std::string_view text, std::string_view file) {
  const std::string plain = with_plain_blanks(text, file);
  return in_file(file, [&] {
    std::vector<std::int32_t> tokens = tokens_in(plain);
    if (tokens.empty() || tokens.size() % 2 != 0) {
      fail_length(tokens.size(),
                  "a cell of enas_lm with n nodes has 2n: previous node and function of each node "
                  "after the fixed first one (strings of tf have an odd length)");
    }
    const auto options = enas_lm_options(static_cast<int>(tokens.size() / 2) + 1);
    require_size(options.nodes);
    RecurrentCell cell = recurrent_cell(options, {"", std::move(tokens)});
    for (auto& node : cell.nodes) node = recurrent_node(node.previous, node.activation);
    return cell;
  });
}

std::string enas_lm_text(const RecurrentCell& cell) {
  if (cell.nodes.front().activation != Activation::tanh || cell.nodes.size() < 2) {
    throw InputError(
        concat("node 0 applies ", name_of(cell.nodes.front().activation),
               cell.nodes.size() < 2 ? " and has no other node after it" : "",
               ", but enas_lm's cells begin with a fixed tanh and have further nodes"));
  }
  require_loose_ends(cell, kNoOutputs);
  return tokens_of(enas_lm_options(static_cast<int>(cell.nodes.size())), cell).text() + "\n";
}

}  // namespace enas::space
