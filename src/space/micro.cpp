// SPDX-License-Identifier: Apache-2.0
// The micro space's decisions, and the two cells that its tokens stand for.
#include "space/micro.hpp"

#include <cmath>
#include <span>
#include <utility>

#include "core/error.hpp"
#include "core/json.hpp"
#include "core/text.hpp"

namespace enas::space {
namespace {

constexpr int kCellInputs = 2;
constexpr int kTokensPerNode = 4;
// The authors' released search starts with these beliefs in separable convolutions.
constexpr double kReleasedBiasStart = 10.0;
constexpr double kReleasedLogitBias = 0.25;

void require_valid(const MicroSpaceOptions& options) {
  if (options.nodes <= kCellInputs) {
    throw ConfigError(concat("a micro cell with ", options.nodes, " nodes: allowed are ",
                             kCellInputs + 1, " or more, its two inputs included (space.nodes)"));
  }
  require_operations(options.operations, MicroSpaceOptions{}.operations, "micro");
}

// One value an operation: `separable` for separable convolutions, else `other`.
std::vector<double> by_operation(const MicroSpaceOptions& options, double separable, double other) {
  std::vector<double> values;
  for (const Operation operation : options.operations) {
    values.push_back(is_separable(operation) ? separable : other);
  }
  return values;
}

// One cell's decisions, which begin where the lists of decisions and tokens end so far.
class CellDecisions {
 public:
  CellDecisions(std::string name, int first_anchor, int first_token, std::vector<double> logit_bias,
                int num_operations)
      : name_(std::move(name)),
        first_anchor_(first_anchor),
        first_token_(first_token),
        logit_bias_(std::move(logit_bias)),
        num_operations_(num_operations) {}

  std::vector<Decision> list(int num_nodes) const {
    std::vector<Decision> decisions;
    for (int node = 0; node < kCellInputs; ++node) {
      decisions.push_back(anchor_decision(node, AnchorAfter::zero_with_key));
    }
    for (int node = kCellInputs; node < num_nodes; ++node) {
      // Sampled input, input, operation, operation; stored input, operation, input, operation.
      const int token = first_token_ + kTokensPerNode * (node - kCellInputs);
      decisions.push_back(input_decision(node, 1, token));
      decisions.push_back(input_decision(node, 2, token + 2));
      decisions.push_back(operation_decision(node, 1, token + 1));
      decisions.push_back(operation_decision(node, 2, token + 3));
      decisions.push_back(anchor_decision(node, AnchorAfter::own_state));
    }
    return decisions;
  }

 private:
  Decision anchor_decision(int node, AnchorAfter anchor) const {
    return {.name = concat(name_, " node ", node, " anchor"),
            .kind = DecisionKind::none,
            .next = NextInput::start,
            .anchor = anchor};
  }

  Decision input_decision(int node, int side, int token) const {
    return {.name = concat(name_, " node ", node, " input ", side),
            .kind = DecisionKind::earlier_node,
            .next = NextInput::anchor,
            .num_choices = node,
            .first_anchor = first_anchor_,
            .token = token};
  }

  Decision operation_decision(int node, int side, int token) const {
    return {.name = concat(name_, " node ", node, " operation ", side),
            .kind = DecisionKind::option,
            .next = NextInput::option_embedding,
            .num_choices = num_operations_,
            .logit_bias = logit_bias_,
            .token = token};
  }

  std::string name_;
  int first_anchor_;
  int first_token_;
  std::vector<double> logit_bias_;
  int num_operations_;
};

MicroCell cell_of(const MicroSpaceOptions& options, std::span<const std::int32_t> tokens) {
  MicroCell cell;
  for (std::size_t i = 0; i < tokens.size(); i += kTokensPerNode) {
    std::array<MicroCell::Side, 2> sides;
    for (std::size_t side = 0; side < sides.size(); ++side) {
      const std::int32_t code = tokens[i + 2 * side + 1];
      sides[side] = {.input = tokens[i + 2 * side],
                     .code = code,
                     .operation = options.operations[static_cast<std::size_t>(code)]};
    }
    cell.nodes.push_back(sides);
  }
  return cell;
}

Json cell_json(const MicroCell& cell) {
  Json json = {{"nodes", Json::array()}, {"loose_ends", cell.loose_ends()}};
  for (std::size_t i = 0; i < cell.nodes.size(); ++i) {
    const auto& [one, two] = cell.nodes[i];
    json["nodes"].push_back({{"node", i + kCellInputs},
                             {"inputs", {one.input, two.input}},
                             {"operations", {name_of(one.operation), name_of(two.operation)}}});
  }
  return json;
}

}  // namespace

SearchSpace micro_space(const MicroSpaceOptions& options) {
  require_valid(options);
  const bool released = options.operation_prior == OperationPrior::released;
  const int num_operations = static_cast<int>(options.operations.size());
  const int cell_tokens = kTokensPerNode * (options.nodes - kCellInputs);
  std::vector<double> normal_bias;
  if (released) normal_bias = by_operation(options, kReleasedLogitBias, -kReleasedLogitBias);
  std::vector<Decision> decisions =
      CellDecisions("normal", 0, 0, std::move(normal_bias), num_operations).list(options.nodes);
  // Every node of the normal cell, its inputs included, has stored one anchor.
  for (Decision& decision :
       CellDecisions("reduction", options.nodes, cell_tokens, {}, num_operations)
           .list(options.nodes)) {
    decisions.push_back(std::move(decision));
  }
  return SearchSpace(concat("micro/", options.nodes), names_of(options.operations),
                     std::move(decisions),
                     by_operation(options, released ? kReleasedBiasStart : 0.0, 0.0));
}

std::string micro_paper_size(const MicroSpaceOptions& options) {
  const auto num_operations = static_cast<double>(options.operations.size());
  // ln Γ(B − 1) = ln (B − 2)!
  return rounded_size_text(4.0 * (std::log(num_operations) + std::lgamma(options.nodes - 1)));
}

std::vector<int> MicroCell::loose_ends() const {
  std::vector<bool> is_read(nodes.size() + kCellInputs, false);
  for (const auto& sides : nodes) {
    for (const Side& side : sides) is_read.at(static_cast<std::size_t>(side.input)) = true;
  }
  std::vector<int> ends;
  for (std::size_t i = 0; i < is_read.size(); ++i) {
    if (!is_read[i]) ends.push_back(static_cast<int>(i));
  }
  return ends;
}

std::array<int, 2> reduction_cells(int normal_cells) {
  const int third = normal_cells / 3;
  return {third, 2 * third + 1};
}

std::string MicroCell::text() const {
  std::string text;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto& [one, two] = nodes[i];
    text += concat(i + kCellInputs, ":", name_of(one.operation), "(", one.input, ")+",
                   name_of(two.operation), "(", two.input, ") ");
  }
  return concat(text, "| concat ", join(outputs(), " "));
}

std::string MicroNet::text() const {
  return concat("normal ", normal.text(), "; reduction ", reduction.text());
}

MicroNet micro_net(const MicroSpaceOptions& options, const Architecture& architecture) {
  return micro_net(options, micro_space(options), architecture);
}

MicroNet micro_net(const MicroSpaceOptions& options, const SearchSpace& decisions,
                   const Architecture& architecture) {
  decisions.validate(architecture.tokens);
  const std::span<const std::int32_t> tokens(architecture.tokens);
  const std::size_t half = tokens.size() / 2;
  return {.normal = cell_of(options, tokens.first(half)),
          .reduction = cell_of(options, tokens.subspan(half))};
}

std::string micro_net_json(const MicroNet& net) {
  return Json({{"space", "micro"},
               {"normal", cell_json(net.normal)},
               {"reduction", cell_json(net.reduction)}})
      .dump();
}

}  // namespace enas::space
