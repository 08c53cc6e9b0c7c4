// SPDX-License-Identifier: Apache-2.0
// How a search scores children.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "comm/slot_tree.hpp"
#include "core/json.hpp"
#include "core/log.hpp"
#include "io/digest.hpp"
#include "nn/data_shape.hpp"
#include "nn/training.hpp"
#include "search/settings.hpp"
#include "space/architecture.hpp"
#include "task/task.hpp"

namespace enas::search {

class SharedEvaluator;

/// Made on every rank alike. Not collective: each rank scores the children that it is given.
class Evaluator {
 public:
  virtual ~Evaluator() = default;

  /// The child on the validation batch of a rollout.
  virtual nn::Score reward_score(const space::Architecture& child, int rollout,
                                 std::int64_t step) const = 0;
  /// The child on the part of the validation split that a round's end looks at.
  virtual nn::Score validation_score(const space::Architecture& child) const = 0;
  /// The child on the whole validation split.
  virtual nn::Score whole_validation_score(const space::Architecture& child) const = 0;
  /// What the last two score on: "validation, shared weights, 20 segments of 35 tokens".
  virtual std::string validation_text() const = 0;
  virtual std::string whole_validation_text() const = 0;

  /// What scores are compared by.
  virtual const task::Metric& metric() const = 0;
  /// Of everything that scores depend on besides the weights.
  virtual const io::Digest& data_digest() const = 0;
  /// What data_digest() was before a test split was added to the data.
  virtual const io::Digest& digest_without_test() const { return data_digest(); }
  virtual std::string describe_data() const = 0;
  virtual std::vector<std::string> data_warnings() const { return {}; }
  /// What status.json holds about the data, by key.
  virtual Json data_facts() const { return Json::object(); }
  virtual nn::DataShape data_shape() const { return {}; }

  /// Weight steps of a round; 0 where nothing is trained.
  virtual std::int64_t weight_steps(std::int64_t round) const = 0;
  /// The weights that children share; null where they are scored without.
  virtual SharedEvaluator* shared() { return nullptr; }
};

/// Reads or makes what settings.evaluation names: the data, or the table. `own_slots` are those
/// whose batches this process will ask for. Throws InputError or ConfigError. `space` must outlive
/// the evaluator.
std::unique_ptr<Evaluator> make_evaluator(const Settings& settings, const space::SearchSpace& space,
                                          const comm::Block& own_slots);

/// The warnings about the data, a line each.
void warn_of_data(Log& log, const Evaluator& evaluator);

}  // namespace enas::search
