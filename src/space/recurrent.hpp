// SPDX-License-Identifier: Apache-2.0
// The recurrent cell space (Pham et al. 2018, section 2.1): per node an earlier node and a
// function.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "space/architecture.hpp"
#include "space/search_space.hpp"

namespace enas::space {

/// Functions of a node. Files hold names, never these numbers.
enum class Activation { tanh, relu, identity, sigmoid };

std::string_view name_of(Activation activation);
/// Throws InputError listing the known names.
Activation activation_from_name(std::string_view name);

enum class FirstNode {
  sampled,  ///< its function is the first decision (the paper)
  tanh,     ///< fixed, not part of the architecture (the authors' enas_lm)
};

struct RecurrentSpaceOptions {
  int nodes = 12;  ///< N, the first node included
  std::vector<Activation> activations = {Activation::tanh, Activation::relu, Activation::identity,
                                         Activation::sigmoid};
  FirstNode first_node = FirstNode::sampled;
  /// Logits of earlier nodes at distance d lose this times d² (1/6 in the authors' code, 0 for
  /// none).
  double distance_penalty = 1.0 / 6.0;
};

/// The decisions of the authors' sampler: f_0, then (previous, function) for nodes 1..N-1: 2N-1
/// tokens, or 2(N-1) with a fixed first node. Throws ConfigError on fewer than 1 node (2 when the
/// first is fixed) or an empty or repeated list of activations.
SearchSpace recurrent_space(const RecurrentSpaceOptions& options);

/// The paper's count, functions^N · N!, as text; it overcounts the earlier nodes.
std::string recurrent_paper_size(const RecurrentSpaceOptions& options);

/// A typed view of a recurrent architecture.
struct RecurrentCell {
  struct Node {
    int previous =
        -1;            ///< earlier node; -1 for node 0, which reads the input and the carried state
    int function = 0;  ///< index into the space's activations
    Activation activation = Activation::tanh;
    bool operator==(const Node&) const = default;
  };
  std::vector<Node> nodes;
  FirstNode first_node = FirstNode::sampled;
  /// Nodes whose mean is the cell's output, ascending, where these are not the loose ends, as in
  /// some cells of other programs; empty for the loose ends.
  std::vector<int> named_outputs = {};

  bool operator==(const RecurrentCell&) const = default;
  /// Nodes that no other node reads, ascending. Never empty.
  std::vector<int> loose_ends() const;
  /// The named outputs, or else the loose ends.
  std::vector<int> outputs() const { return named_outputs.empty() ? loose_ends() : named_outputs; }
  /// All nodes, ascending, without a fixed first one that others follow.
  std::vector<int> searched_nodes() const;
  /// "0:tanh 1:relu(0) 2:identity(1) | mean 2".
  std::string text() const;
};

/// Throws InputError when the tokens do not belong to the space. With a fixed first node its
/// `function` is the index of tanh among the activations, or 0 when tanh is not among them.
RecurrentCell recurrent_cell(const RecurrentSpaceOptions& options,
                             const Architecture& architecture);
/// The same where recurrent_space(options) was made before.
RecurrentCell recurrent_cell(const RecurrentSpaceOptions& options, const SearchSpace& decisions,
                             const Architecture& architecture);

/// The cell as a JSON text with names only: {"space": "recurrent", "nodes": [{"node": 0,
/// "function": "tanh"}, {"node": 1, "previous": 0, "function": "relu"}, …], "loose_ends": […],
/// "first_node": "sampled"}.
std::string recurrent_cell_json(const RecurrentCell& cell);

}  // namespace enas::space
