// SPDX-License-Identifier: Apache-2.0
// A search space as data: a list of decisions that any controller can walk.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace enas::space {

/// What is decided.
enum class DecisionKind {
  none,          ///< nothing: a controller step whose state or anchor matters
  option,        ///< one of its options, by softmax
  earlier_node,  ///< one of the candidates among the anchors stored so far, by attention
  subset,        ///< any of the candidates, each by itself: attention q, P(chosen) = σ(2x)
};

/// What the controller reads at its next step.
enum class NextInput {
  keep,              ///< what it would have read anyway
  start,             ///< the learnt start input
  option_embedding,  ///< the embedding of the chosen option
  scaled_anchor,     ///< the chosen anchor divided by (0.1 + distance)
  anchor,            ///< the chosen anchor
  mean_anchor,       ///< the sum of the chosen anchors divided by (1 + their number)
};

/// Which anchor is stored after the decision.
enum class AnchorAfter {
  none,
  own_state,      ///< the controller's state h, with its key W1 h
  zero,           ///< zeros, with a zero key
  zero_with_key,  ///< zeros, with the key W1 h of the controller's state
};

/// One decision of a space (algorithms: the samplers of Pham et al. 2018 and the authors' code).
struct Decision {
  std::string name;  ///< "node 3 previous"; unique within a space
  DecisionKind kind = DecisionKind::option;
  int lstm_steps =
      1;  ///< controller steps taken before it (every further step reads the start input)
  NextInput next = NextInput::start;
  AnchorAfter anchor = AnchorAfter::none;
  int num_choices = 0;   ///< options, or candidate anchors; 0 for none
  int first_option = 0;  ///< options are the space's first_option .. first_option+num_choices-1
  int first_anchor = 0;  ///< candidates are the anchors first_anchor .. first_anchor+num_choices-1
  /// Subtracted from the logit of a candidate at distance d: distance_penalty * d².
  double distance_penalty = 0.0;
  /// Added to the logits of an option decision after everything else; empty for none.
  std::vector<double> logit_bias = {};
  /// Its place in the stored tokens; -1 for none. A subset has one token a candidate, 0 or 1, from
  /// here on.
  int token = -1;

  /// Tokens that it decides.
  int num_tokens() const;
  /// Values that each of its tokens can take: 2 for the bits of a subset, else num_choices.
  int num_values() const;
};

/// A number from its natural logarithm, rounded to two digits: "1.6e29".
std::string rounded_size_text(double log_size);

/// A list of decisions with its options' names. Immutable once made; made by the functions of each
/// space.
class SearchSpace {
 public:
  /// `id` names the space and its shape ("recurrent/12"). Throws ContractError unless the decisions
  /// hang together (tokens a permutation of 0..n-1, candidates stored before they are chosen).
  /// `option_bias_start` are the initial values of a learnt bias on the logits of all option
  /// decisions, one an option; empty when the controller has no such bias.
  SearchSpace(std::string id, std::vector<std::string> options, std::vector<Decision> decisions,
              std::vector<double> option_bias_start = {});

  const std::string& id() const { return id_; }
  /// Names of all options; those of one decision stand one after the other.
  const std::vector<std::string>& options() const { return options_; }
  /// What the values of a token stand for. Throws ContractError unless an option decision has it.
  std::span<const std::string> options(int token) const;
  int num_options() const { return static_cast<int>(options_.size()); }
  const std::vector<Decision>& decisions() const { return decisions_; }
  const std::vector<double>& option_bias_start() const { return option_bias_start_; }
  int num_tokens() const { return num_tokens_; }
  /// Name of what each token decides, in token order: "layer 3 skip 1" for the bits of a subset.
  std::vector<std::string> token_names() const;
  /// Number of anchors stored before decision `index`.
  int anchors_before(int index) const { return anchors_before_[static_cast<std::size_t>(index)]; }

  /// Natural logarithm of the number of architectures (ordered, as sampled).
  double log_size() const;
  /// The number itself as text: exact below 10^15, else "1.6e29".
  std::string size_text() const;
  /// Entropy in nats of uniform choices without penalties: the same number as log_size().
  double max_entropy() const { return log_size(); }
  /// Throws InputError naming decision, value and range unless `tokens` belong to this space.
  void validate(const std::vector<std::int32_t>& tokens) const;

 private:
  std::string id_;
  std::vector<std::string> options_;
  std::vector<Decision> decisions_;
  std::vector<double> option_bias_start_;
  std::vector<int> anchors_before_;
  int num_tokens_ = 0;
};

}  // namespace enas::space
