// SPDX-License-Identifier: Apache-2.0
// Checks that a list of decisions hangs together; counts and validates what it can produce.
#include "space/search_space.hpp"

#include <cmath>
#include <set>
#include <utility>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::space {
namespace {

constexpr double kExactSizeLimit = 1e15;

void expect_consistent(const Decision& decision, int num_options, int num_anchors) {
  const auto require = [&decision](bool condition, std::string_view what) {
    expect(condition, concat("decision '", decision.name, "': ", what));
  };
  require(decision.lstm_steps >= 0, "lstm_steps must not be negative");
  require(std::isfinite(decision.distance_penalty) && decision.distance_penalty >= 0.0,
          "distance_penalty must be finite and not negative");
  require(decision.kind == DecisionKind::earlier_node || decision.distance_penalty == 0.0,
          "only earlier_node has distances to penalise");
  require(decision.kind == DecisionKind::option || decision.next != NextInput::option_embedding,
          "next option_embedding needs kind option");
  require(decision.kind == DecisionKind::earlier_node || decision.next != NextInput::scaled_anchor,
          "next scaled_anchor needs kind earlier_node");
  switch (decision.kind) {
    case DecisionKind::none:
      require(decision.token == -1 && decision.num_choices == 0,
              "kind none has no token and no choices");
      break;
    case DecisionKind::option:
      require(decision.num_choices == num_options && num_options > 0,
              concat("num_choices is ", decision.num_choices, ", but the space has ", num_options,
                     " options"));
      break;
    case DecisionKind::earlier_node:
      require(decision.num_choices > 0 && decision.num_choices <= num_anchors,
              concat("num_choices is ", decision.num_choices, ", but ", num_anchors,
                     " anchors are stored before it"));
      break;
  }
}

}  // namespace

SearchSpace::SearchSpace(std::string id, std::vector<std::string> options,
                         std::vector<Decision> decisions)
    : id_(std::move(id)), options_(std::move(options)), decisions_(std::move(decisions)) {
  expect(!id_.empty(), "a search space needs an id");
  expect(!decisions_.empty(), concat("search space '", id_, "' has no decisions"));
  std::set<std::string> names;
  std::set<int> tokens;
  int num_anchors = 0;
  for (const Decision& decision : decisions_) {
    expect(names.insert(decision.name).second,
           concat("decision '", decision.name, "' appears twice"));
    expect_consistent(decision, num_options(), num_anchors);
    anchors_before_.push_back(num_anchors);
    if (decision.anchor != AnchorAfter::none) ++num_anchors;
    if (decision.kind == DecisionKind::none) continue;
    expect(tokens.insert(decision.token).second,
           concat("decision '", decision.name, "': token ", decision.token, " is taken"));
  }
  num_tokens_ = static_cast<int>(tokens.size());
  expect(tokens.empty() || (*tokens.begin() == 0 && *tokens.rbegin() == num_tokens_ - 1),
         concat("the tokens of search space '", id_, "' are not 0 .. ", num_tokens_ - 1));
}

double SearchSpace::log_size() const {
  double log_size = 0.0;
  for (const Decision& decision : decisions_) {
    if (decision.kind != DecisionKind::none) log_size += std::log(decision.num_choices);
  }
  return log_size;
}

std::string SearchSpace::size_text() const {
  std::uint64_t size = 1;
  bool exact = true;
  for (const Decision& decision : decisions_) {
    if (decision.kind == DecisionKind::none) continue;
    const auto choices = static_cast<std::uint64_t>(decision.num_choices);
    // Doubles are exact up to 2^53, which is above the limit.
    exact = exact && static_cast<double>(size) * static_cast<double>(choices) < kExactSizeLimit;
    if (exact) size *= choices;
  }
  if (exact) return concat(size);
  // From the logarithm, because large spaces leave the range of a double.
  const double log10_size = log_size() / std::log(10.0);
  double exponent = std::floor(log10_size);
  double tenths = std::round(10.0 * std::pow(10.0, log10_size - exponent));
  if (tenths >= 100.0) {
    tenths = 10.0;
    exponent += 1.0;
  }
  return concat(fixed(tenths / 10.0, 1), "e", static_cast<long>(exponent));
}

void SearchSpace::validate(const std::vector<std::int32_t>& tokens) const {
  if (tokens.size() != static_cast<std::size_t>(num_tokens_)) {
    throw InputError(concat("an architecture of the space '", id_, "' has ", num_tokens_,
                            " tokens, but ", tokens.size(), " were given: ", join(tokens, " ")));
  }
  for (const Decision& decision : decisions_) {
    if (decision.kind == DecisionKind::none) continue;
    const std::int32_t value = tokens[static_cast<std::size_t>(decision.token)];
    if (value < 0 || value >= decision.num_choices) {
      throw InputError(concat("token ", decision.token, " of an architecture ('", decision.name,
                              "') is ", value, ", but must be between 0 and ",
                              decision.num_choices - 1));
    }
  }
}

}  // namespace enas::space
