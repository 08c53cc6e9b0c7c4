// SPDX-License-Identifier: Apache-2.0
// A search space as data: a list of decisions that any controller can walk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace enas::space {

/// What is decided.
enum class DecisionKind {
  none,          ///< nothing: a controller step whose state or anchor matters
  option,        ///< one of the space's options, by softmax
  earlier_node,  ///< one of the candidates among the anchors stored so far, by attention
};

/// What the controller reads at its next step.
enum class NextInput {
  keep,              ///< what it would have read anyway
  start,             ///< the learnt start input
  option_embedding,  ///< the embedding of the chosen option
  scaled_anchor,     ///< the chosen anchor divided by (0.1 + distance)
};

/// Which anchor is stored after the decision.
enum class AnchorAfter {
  none,
  own_state,  ///< the controller's state h, with its key W1 h
  zero,       ///< zeros, with a zero key
};

/// One decision of a space (algorithms: the samplers of Pham et al. 2018 and the authors' code).
struct Decision {
  std::string name;  ///< "node 3 previous"; unique within a space
  DecisionKind kind = DecisionKind::option;
  int lstm_steps =
      1;  ///< controller steps taken before it (every further step reads the start input)
  NextInput next = NextInput::start;
  AnchorAfter anchor = AnchorAfter::none;
  int num_choices = 0;  ///< options, or candidate anchors 0 .. num_choices-1; 0 for none
  /// Subtracted from the logit of a candidate at distance d: distance_penalty * d².
  double distance_penalty = 0.0;
  int token = -1;  ///< its place in the stored tokens; -1 for none
};

/// A list of decisions with its options' names. Immutable once made; made by the functions of each
/// space.
class SearchSpace {
 public:
  /// `id` names the space and its shape ("recurrent/12"). Throws ContractError unless the decisions
  /// hang together (tokens a permutation of 0..n-1, candidates stored before they are chosen).
  SearchSpace(std::string id, std::vector<std::string> options, std::vector<Decision> decisions);

  const std::string& id() const { return id_; }
  const std::vector<std::string>& options() const { return options_; }
  int num_options() const { return static_cast<int>(options_.size()); }
  const std::vector<Decision>& decisions() const { return decisions_; }
  int num_tokens() const { return num_tokens_; }
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
  std::vector<int> anchors_before_;
  int num_tokens_ = 0;
};

}  // namespace enas::space
