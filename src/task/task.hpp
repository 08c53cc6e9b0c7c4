// SPDX-License-Identifier: Apache-2.0
// What a search is about: data, batches of it, and how well a child does on them. The rest of the
// search knows no more of language models or images than this.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/json.hpp"
#include "core/log.hpp"
#include "io/digest.hpp"
#include "nn/data_shape.hpp"
#include "task/options.hpp"
#include "task/preprocessing.hpp"
#include "task/scorer.hpp"

namespace enas::task {

/// What children are compared by.
struct Metric {
  enum class Kind { perplexity, accuracy };
  Kind kind = Kind::perplexity;
  /// Where the data's source is known exactly: no child is expected beyond it; NaN otherwise.
  double limit = 0.0;
  const char* limit_name = "floor";  ///< what messages call the limit

  const char* name() const;     ///< "perplexity", "accuracy"
  const char* example() const;  ///< what is counted: "token", "image"
  bool higher_is_better() const { return kind == Kind::accuracy; }
  bool better(double value, double than) const;
  /// exp(nats per token), never clipped; or the fraction that is correct, in [0, 1].
  double of(double loss, double accuracy) const;
  /// "219.45", "47.12 %".
  std::string text(double value) const;
};

enum class Split { validation, test };

/// How a whole split is cut into parts: text into `columns` groups of batch_size columns each,
/// images into batches, of which the last may be smaller.
struct SplitCut {
  Split split = Split::validation;
  int batch_size = 64;
  int columns = 1;
  const char* keys = "";  ///< that set their product, for messages
};

/// A weight step within the search.
struct StepPlace {
  std::int64_t round = 0;
  std::int64_t index = 0;  ///< step within the weight phase
  std::int64_t step = 0;   ///< step of the search
};

/// One language-model corpus or one image set. Made on every rank alike; the
/// batches are functions of their addresses, never of ranks.
class Task {
 public:
  virtual ~Task() = default;

  virtual const Metric& metric() const = 0;
  virtual nn::DataShape data_shape() const = 0;
  virtual Preprocessing preprocessing() const = 0;
  virtual const io::Digest& data_digest() const = 0;
  /// What data_digest() was before a test split was added to the data.
  virtual const io::Digest& digest_without_test() const { return data_digest(); }
  /// "ptb: 929589/73760/82430 tokens, vocabulary 10000".
  virtual std::string describe_data() const = 0;
  /// Why scores on the data mean less than they seem to, a sentence each.
  virtual std::vector<std::string> data_warnings() const { return {}; }
  /// What status.json holds about the data, by key.
  virtual Json data_facts() const { return Json::object(); }

  /// Weight steps of a round: one pass over the training split.
  virtual std::int64_t steps_in_pass(std::int64_t round) const = 0;
  /// The slot's batch. Asked for slot by slot, step by step, it may be prepared ahead.
  virtual nn::Batch training_batch(const StepPlace& place, int slot) = 0;
  /// Factor of the learning rate for this step's batches.
  virtual double lr_factor(const StepPlace& place) const = 0;

  /// The child on the validation batch of a rollout.
  virtual nn::Score reward_score(const Scorer& child, int rollout, std::int64_t step) const = 0;
  /// The child on the validation split, or the part of it that round ends look at.
  virtual nn::Score validation_score(const Scorer& child) const = 0;
  /// The child on the whole validation split: every image, or every token but the first, which
  /// nothing comes before.
  virtual nn::Score whole_validation_score(const Scorer& child) const = 0;
  /// A whole split, cut into parts that are scored apart and added up.
  virtual std::int64_t num_parts(const SplitCut& cut) const = 0;
  virtual nn::Score part_score(const Scorer& child, const SplitCut& cut,
                               std::int64_t part) const = 0;
  /// "20 segments of 35 tokens in 64 columns".
  virtual std::string validation_text() const = 0;
  /// "all 5000 images".
  virtual std::string whole_validation_text() const = 0;
};

/// The task's warnings about its data, a line each.
void warn_of_data(Log& log, const Task& task);

/// Reads or makes the data. `own_slots` are those whose batches this process will ask for. Throws
/// InputError or ConfigError. Not collective.
std::unique_ptr<Task> make_task(const Options& options, const SlotRange& own_slots);

}  // namespace enas::task
