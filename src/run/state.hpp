// SPDX-License-Identifier: Apache-2.0
// What a checkpoint keeps of a job: a list of fields, each named in one place. What is done with
// all of them is one function each: state_file.hpp writes, reads and hashes, replicas.hpp compares
// and broadcasts.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "run/named_array.hpp"

namespace enas::run {

/// Arrays of one group of the file, equal to the bit on every rank.
struct ArrayGroup {
  std::string path;  ///< "/weights"
  std::vector<NamedArray> arrays;
  bool is_by_weight = false;  ///< array i changes only in steps that move weight i
  bool has_digest = false;    ///< the group's attribute "digest" is of its names and values
};

/// Values equal on every rank, whose number may change from one checkpoint to the next.
struct Sequence {
  std::string path;  ///< "/best/tokens"
  std::variant<std::vector<std::int32_t>*, std::vector<double>*> values;
  std::vector<std::int64_t>* shape = nullptr;  ///< null for one dimension
};

/// A number that is equal on every rank: an attribute of a group.
struct Number {
  std::string group;  ///< "/progress"
  std::string name;
  std::variant<std::int64_t*, double*> value;
  bool is_hashed = true;
};

/// What the slots carry from step to step, dataset "/slots/state": float32 [slots, shape...]. Each
/// rank has those of its own slots alone, in slot order.
struct SlotStates {
  int num_slots = 0;
  std::vector<std::int64_t> shape;         ///< of one slot
  std::vector<at::Tensor>* own = nullptr;  ///< this rank's
};

/// An attribute of the root that says what the state is of; a checkpoint with another one is
/// refused.
struct Subject {
  std::string name;
  std::string value;
  std::string refusal;  ///< "is the training of another architecture; ..."
};

using Field = std::variant<ArrayGroup, Sequence, Number, SlotStates, Subject>;

/// Views of a job's state. Valid while the job lives and none of its vectors changes its length.
struct State {
  std::vector<Field> fields;  ///< in the order in which they are hashed
  /// Throws InputError unless numbers and sequences make sense for this job. Asked after they were
  /// read and before any array is; may be empty.
  std::function<void()> check;

  /// The group of this path; null when there is none.
  const ArrayGroup* group(std::string_view path) const;
  /// The carried states; null when there are none.
  const SlotStates* slots() const;
  /// Everything that is equal on every rank, as arrays: "weights/embedding", "progress/step".
  std::vector<NamedArray> replicated() const;
  /// True when the arrays of all groups are finite: numbers may be NaN for "none yet".
  bool is_finite() const;
};

}  // namespace enas::run
