// SPDX-License-Identifier: Apache-2.0
// The micro space: a normal and a reduction cell (Pham et al. 2018, section 2.4).
#pragma once

#include <array>
#include <string>
#include <vector>

#include "space/architecture.hpp"
#include "space/operation.hpp"
#include "space/search_space.hpp"

namespace enas::space {

/// What the controller believes about operations before it has learnt anything.
enum class OperationPrior {
  none,      ///< a learnt bias that starts at 0
  released,  ///< the authors': separable convolutions start at 10, others at 0 (before the tanh),
             ///< and ±0.25 is added after it, in the normal cell only
};

struct MicroSpaceOptions {
  int nodes = 7;  ///< B, the two inputs included
  /// In the order of the authors' codes 0..4; any subset without the dense convolutions.
  std::vector<Operation> operations = {Operation::sep_conv_3x3, Operation::sep_conv_5x5,
                                       Operation::avg_pool_3x3, Operation::max_pool_3x3,
                                       Operation::identity};
  OperationPrior operation_prior = OperationPrior::none;
};

/// The authors' sampler, twice: the normal cell, then the reduction cell, which goes on from the
/// controller's state and has anchors of its own. Per node two earlier nodes and two operations are
/// sampled in the order (input, input, operation, operation) and stored as (input, operation,
/// input, operation): 8(B-2) tokens in all. Throws ConfigError on fewer than 3 nodes, no operation,
/// a repeated one, or conv_3x3 or conv_5x5.
SearchSpace micro_space(const MicroSpaceOptions& options);

/// The paper's count, (operations · (B-2)!)^4, as text; it undercounts the ordered architectures.
std::string micro_paper_size(const MicroSpaceOptions& options);

/// Where the two reduction cells stand in a stack, from 0: after the first and the second third of
/// its normal cells.
std::array<int, 2> reduction_cells(int normal_cells);

/// One cell. Node 0 is the output of the cell before the previous one, node 1 that of the previous
/// one; nodes 2 .. B-1 add two operations on earlier nodes.
struct MicroCell {
  struct Side {
    int input = 0;  ///< earlier node
    int code = 0;   ///< index into the space's operations
    Operation operation = Operation::identity;
    bool operator==(const Side&) const = default;
  };
  std::vector<std::array<Side, 2>> nodes;  ///< of node 2 on
  /// Nodes that the cell puts out, ascending, where these are not the loose ends, as in some cells
  /// of other programs; empty for the loose ends.
  std::vector<int> named_outputs = {};

  bool operator==(const MicroCell&) const = default;
  /// Nodes that nobody reads, unread inputs included, ascending. Never empty.
  std::vector<int> loose_ends() const;
  /// The named outputs, or else the loose ends.
  std::vector<int> outputs() const { return named_outputs.empty() ? loose_ends() : named_outputs; }
  /// "2:sep_conv_3x3(0)+identity(1) 3:… | concat 2 3".
  std::string text() const;
};

/// A typed view of a micro architecture.
struct MicroNet {
  MicroCell normal;
  MicroCell reduction;

  bool operator==(const MicroNet&) const = default;
  /// "normal …; reduction …".
  std::string text() const;
};

/// Throws InputError when the tokens do not belong to the space.
MicroNet micro_net(const MicroSpaceOptions& options, const Architecture& architecture);
/// The same where micro_space(options) was made before.
MicroNet micro_net(const MicroSpaceOptions& options, const SearchSpace& decisions,
                   const Architecture& architecture);

/// {"space": "micro", "normal": {"nodes": [{"node": 2, "inputs": [0, 1], "operations":
/// ["sep_conv_3x3", "identity"]}, …], "loose_ends": […]}, "reduction": {…}}.
std::string micro_net_json(const MicroNet& net);

}  // namespace enas::space
