// SPDX-License-Identifier: Apache-2.0
// Checks that a list of decisions hangs together; counts and validates what it can produce.
#include "space/search_space.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::space {
namespace {

constexpr double kExactSizeLimit = 1e15;

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
}

std::string token_name(const Decision& decision, int index) {
  return decision.kind == DecisionKind::subset ? concat(decision.name, " ", index) : decision.name;
}

void expect_consistent(const Decision& decision, int num_options, int num_anchors) {
  const auto require = [&decision](bool condition, std::string_view what) {
    expect(condition, concat("decision '", decision.name, "': ", what));
  };
  const bool is_option = decision.kind == DecisionKind::option;
  const bool is_earlier_node = decision.kind == DecisionKind::earlier_node;
  const bool is_subset = decision.kind == DecisionKind::subset;
  require(decision.lstm_steps >= 0, "lstm_steps must not be negative");
  require(std::isfinite(decision.distance_penalty) && decision.distance_penalty >= 0.0,
          "distance_penalty must be finite and not negative");
  require(is_earlier_node || decision.distance_penalty == 0.0,
          "only earlier_node has distances to penalise");
  require(is_option || decision.next != NextInput::option_embedding,
          "next option_embedding needs kind option");
  require(is_earlier_node || decision.next != NextInput::scaled_anchor,
          "next scaled_anchor needs kind earlier_node");
  require(is_earlier_node || decision.next != NextInput::anchor,
          "next anchor needs kind earlier_node");
  require(is_subset || decision.next != NextInput::mean_anchor,
          "next mean_anchor needs kind subset");
  require(is_option || decision.logit_bias.empty(), "only option has a logit_bias");
  require(is_option || decision.first_option == 0, "first_option needs kind option");
  require(is_earlier_node || is_subset || decision.first_anchor == 0,
          "first_anchor needs kind earlier_node or subset");
  switch (decision.kind) {
    case DecisionKind::none:
      require(decision.token == -1 && decision.num_choices == 0,
              "kind none has no token and no choices");
      break;
    case DecisionKind::option:
      require(decision.first_option >= 0 && decision.num_choices > 0 &&
                  decision.num_choices <= num_options - decision.first_option,
              concat("num_choices is ", decision.num_choices, " from option ",
                     decision.first_option, " on, but the space has ", num_options, " options"));
      require(decision.logit_bias.empty() ||
                  decision.logit_bias.size() == static_cast<std::size_t>(decision.num_choices),
              concat("logit_bias has ", decision.logit_bias.size(), " values for ",
                     decision.num_choices, " options"));
      require(all_finite(decision.logit_bias), "logit_bias must be finite");
      break;
    case DecisionKind::earlier_node:
    case DecisionKind::subset:
      require(
          decision.first_anchor >= 0 && decision.num_choices > 0 &&
              decision.num_choices <= num_anchors - decision.first_anchor,
          concat("num_choices is ", decision.num_choices, " from anchor ", decision.first_anchor,
                 " on, but ", num_anchors, " anchors are stored before it"));
      break;
  }
}

}  // namespace

int Decision::num_tokens() const {
  if (kind == DecisionKind::none) return 0;
  return kind == DecisionKind::subset ? num_choices : 1;
}

int Decision::num_values() const { return kind == DecisionKind::subset ? 2 : num_choices; }

std::string rounded_size_text(double log_size) {
  const double log10_size = log_size / std::log(10.0);
  double exponent = std::floor(log10_size);
  double tenths = std::round(10.0 * std::pow(10.0, log10_size - exponent));
  if (tenths >= 100.0) {
    tenths = 10.0;
    exponent += 1.0;
  }
  return concat(fixed(tenths / 10.0, 1), "e", static_cast<long>(exponent));
}

SearchSpace::SearchSpace(std::string id, std::vector<std::string> options,
                         std::vector<Decision> decisions, std::vector<double> option_bias_start)
    : id_(std::move(id)),
      options_(std::move(options)),
      decisions_(std::move(decisions)),
      option_bias_start_(std::move(option_bias_start)) {
  expect(!id_.empty(), "a search space needs an id");
  expect(!decisions_.empty(), concat("search space '", id_, "' has no decisions"));
  expect(option_bias_start_.empty() || option_bias_start_.size() == options_.size(),
         concat("search space '", id_, "': option_bias_start has ", option_bias_start_.size(),
                " values for ", options_.size(), " options"));
  expect(all_finite(option_bias_start_),
         concat("search space '", id_, "': option_bias_start must be finite"));
  std::set<std::string> names;
  std::set<int> tokens;
  int num_anchors = 0;
  for (const Decision& decision : decisions_) {
    expect(names.insert(decision.name).second,
           concat("decision '", decision.name, "' appears twice"));
    expect_consistent(decision, num_options(), num_anchors);
    anchors_before_.push_back(num_anchors);
    if (decision.anchor != AnchorAfter::none) ++num_anchors;
    for (int i = 0; i < decision.num_tokens(); ++i) {
      expect(tokens.insert(decision.token + i).second,
             concat("decision '", decision.name, "': token ", decision.token + i, " is taken"));
    }
  }
  num_tokens_ = static_cast<int>(tokens.size());
  expect(tokens.empty() || (*tokens.begin() == 0 && *tokens.rbegin() == num_tokens_ - 1),
         concat("the tokens of search space '", id_, "' are not 0 .. ", num_tokens_ - 1));
}

std::vector<std::string> SearchSpace::token_names() const {
  std::vector<std::string> names(static_cast<std::size_t>(num_tokens_));
  for (const Decision& decision : decisions_) {
    for (int i = 0; i < decision.num_tokens(); ++i) {
      const int token = decision.token + i;
      names[static_cast<std::size_t>(token)] = token_name(decision, i);
    }
  }
  return names;
}

std::span<const std::string> SearchSpace::options(int token) const {
  const auto decision =
      std::find_if(decisions_.begin(), decisions_.end(), [token](const Decision& candidate) {
        return candidate.kind == DecisionKind::option && candidate.token == token;
      });
  expect(decision != decisions_.end(), concat("token ", token, " is no option"));
  return std::span(options_).subspan(static_cast<std::size_t>(decision->first_option),
                                     static_cast<std::size_t>(decision->num_choices));
}

double SearchSpace::log_size() const {
  double log_size = 0.0;
  for (const Decision& decision : decisions_) {
    if (decision.kind == DecisionKind::none) continue;
    log_size += decision.num_tokens() * std::log(decision.num_values());
  }
  return log_size;
}

std::string SearchSpace::size_text() const {
  std::uint64_t size = 1;
  bool exact = true;
  for (const Decision& decision : decisions_) {
    for (int i = 0; i < decision.num_tokens(); ++i) {
      const auto values = static_cast<std::uint64_t>(decision.num_values());
      // Doubles are exact up to 2^53, which is above the limit.
      exact = exact && static_cast<double>(size) * static_cast<double>(values) < kExactSizeLimit;
      if (exact) size *= values;
    }
  }
  // From the logarithm, because large spaces leave the range of a double.
  return exact ? concat(size) : rounded_size_text(log_size());
}

void SearchSpace::validate(const std::vector<std::int32_t>& tokens) const {
  if (tokens.size() != static_cast<std::size_t>(num_tokens_)) {
    throw InputError(concat("an architecture of the space '", id_, "' has ", num_tokens_,
                            " tokens, but ", tokens.size(), " were given: ", join(tokens, " ")));
  }
  for (const Decision& decision : decisions_) {
    for (int i = 0; i < decision.num_tokens(); ++i) {
      const int token = decision.token + i;
      const std::int32_t value = tokens[static_cast<std::size_t>(token)];
      if (value >= 0 && value < decision.num_values()) continue;
      throw InputError(concat("token ", token, " of an architecture ('", token_name(decision, i),
                              "') is ", value, ", but must be between 0 and ",
                              decision.num_values() - 1));
    }
  }
}

}  // namespace enas::space
