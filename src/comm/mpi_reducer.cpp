// SPDX-License-Identifier: Apache-2.0
// The tree sum in three parts: merge own slots, send partial sums to the segments' owners, gather.
#include "comm/mpi_reducer.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "comm/slot_tree.hpp"
#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::comm {

namespace {

constexpr int kPartialsTag = 2;

// What of one tensor lies in one segment.
struct Piece {
  const UnionTensor* tensor;
  std::int64_t begin;
  std::int64_t length;
};

bool touches(Block node, const UnionTensor& tensor) {
  const auto slot = std::lower_bound(tensor.slots.begin(), tensor.slots.end(), node.begin);
  return slot != tensor.slots.end() && *slot < node.end;
}

std::vector<Piece> pieces_between(const ReductionPlan& plan, std::int64_t begin, std::int64_t end) {
  auto tensor = std::upper_bound(
      plan.tensors.begin(), plan.tensors.end(), begin,
      [](std::int64_t value, const UnionTensor& t) { return value < t.offset + t.length; });
  std::vector<Piece> pieces;
  for (; tensor != plan.tensors.end() && tensor->offset < end; ++tensor) {
    const std::int64_t first = std::max(begin, tensor->offset);
    const std::int64_t last = std::min(end, tensor->offset + tensor->length);
    if (first < last) pieces.push_back({&*tensor, first, last - first});
  }
  return pieces;
}

// How many values a message with these pieces of these nodes holds.
std::int64_t message_length(std::span<const Block> nodes, std::span<const Piece> pieces) {
  std::int64_t length = 0;
  for (const Block node : nodes) {
    for (const Piece& piece : pieces) {
      if (touches(node, *piece.tensor)) length += piece.length;
    }
  }
  return length;
}

void add(float* left, const float* right, std::int64_t length) {
  for (std::int64_t i = 0; i < length; ++i) left[i] += right[i];
}

void check_plan(const ReductionPlan& plan, int num_slots) {
  expect(plan.num_slots == num_slots, "the plan and the reducer have the same number of slots");
  std::int64_t end = 0;
  for (const UnionTensor& tensor : plan.tensors) {
    expect(tensor.offset == end && tensor.length >= 0, "the plan's tensors lie back to back");
    expect(!tensor.slots.empty() && tensor.slots.front() >= 0 && tensor.slots.back() < num_slots &&
               std::is_sorted(tensor.slots.begin(), tensor.slots.end()),
           "a tensor's slots are ascending, not empty and inside [0, num_slots)");
    end += tensor.length;
  }
}

}  // namespace

struct MpiReducer::State {
  // Grow only, so that later steps allocate nothing. What lies beyond the step's length is not
  // used.
  using Values = std::vector<float>;
  // The sum of one node of the tree; only the ranges of its tensors mean anything.
  struct Partial {
    Block node;
    Values values;
    std::vector<int> tensors;  // of the plan that the node touches, ascending
  };

  State(World& the_world, int slots)
      : world(the_world), num_slots(slots), block(block_of(world.rank(), world.size(), slots)) {
    for (int rank = 0; rank < world.size(); ++rank) {
      first_node.push_back(nodes.size());
      const auto own = maximal_nodes(block_of(rank, world.size(), slots), slots);
      nodes.insert(nodes.end(), own.begin(), own.end());
    }
    first_node.push_back(nodes.size());
    merges = merges_to_root(nodes, slots);
    outgoing.resize(world.size());
    incoming.resize(world.size());
  }

  std::span<const Block> nodes_of(int rank) const {
    return std::span(nodes).subspan(first_node[rank], first_node[rank + 1] - first_node[rank]);
  }
  static std::span<float> at_least(Values& values, std::int64_t length) {
    if (static_cast<std::int64_t>(values.size()) < length) values.resize(length);
    return std::span(values).first(length);
  }
  Values take_spare() {
    if (spare.empty()) return {};
    Values values = std::move(spare.back());
    spare.pop_back();
    return values;
  }

  void list_own_tensors();
  void merge(Partial& left, const Partial& right) const;
  std::span<const float> pack(std::span<const Piece> pieces, Values& message);
  void reduce_over_ranks();
  void finish_segment(std::span<const Piece> pieces);

  World& world;
  const int num_slots;
  const Block block;                    // own slots
  std::vector<Block> nodes;             // maximal nodes of all ranks, ascending
  std::vector<std::size_t> first_node;  // nodes of rank r: [first_node[r], first_node[r+1])
  std::vector<Merge> merges;            // from `nodes` to the root

  const ReductionPlan* plan = nullptr;
  int next_slot = 0;
  std::vector<std::vector<int>> own_tensors;  // that each own slot touches, ascending
  Values slot_values;
  std::vector<Partial> partials;  // of own slots so far, ascending
  std::vector<Values> spare;
  std::vector<Values> outgoing, incoming;  // one message a peer
  std::vector<float*> operands;            // [nodes, pieces], null where absent
  Values result;
  ReductionCost cost;
};

void MpiReducer::State::list_own_tensors() {
  own_tensors.resize(static_cast<std::size_t>(block.size()));
  for (auto& tensors : own_tensors) tensors.clear();
  for (std::size_t i = 0; i < plan->tensors.size(); ++i) {
    const auto& slots = plan->tensors[i].slots;
    for (auto slot = std::lower_bound(slots.begin(), slots.end(), block.begin);
         slot != slots.end() && *slot < block.end; ++slot) {
      own_tensors[static_cast<std::size_t>(*slot - block.begin)].push_back(static_cast<int>(i));
    }
  }
}

// An absent operand is skipped, not added as zero: x + 0 would make +0 of -0.
void MpiReducer::State::merge(Partial& left, const Partial& right) const {
  auto in_left = left.tensors.begin();
  for (const int number : right.tensors) {
    const UnionTensor& tensor = plan->tensors[static_cast<std::size_t>(number)];
    float* const to = left.values.data() + tensor.offset;
    const float* const from = right.values.data() + tensor.offset;
    in_left = std::lower_bound(in_left, left.tensors.end(), number);
    if (in_left != left.tensors.end() && *in_left == number) {
      add(to, from, tensor.length);
    } else {
      std::copy_n(from, tensor.length, to);
    }
  }
  std::vector<int> both;
  std::set_union(left.tensors.begin(), left.tensors.end(), right.tensors.begin(),
                 right.tensors.end(), std::back_inserter(both));
  left.tensors = std::move(both);
  left.node.end = right.node.end;
}

std::span<const float> MpiReducer::State::pack(std::span<const Piece> pieces, Values& message) {
  const auto packed = at_least(message, message_length(nodes_of(world.rank()), pieces));
  float* to = packed.data();
  for (const Partial& partial : partials) {
    for (const Piece& piece : pieces) {
      if (!touches(partial.node, *piece.tensor)) continue;
      to = std::copy_n(partial.values.data() + piece.begin, piece.length, to);
    }
  }
  return packed;
}

void MpiReducer::State::reduce_over_ranks() {
  const int num_ranks = world.size();
  const int me = world.rank();
  const std::int64_t total = plan->total();
  std::vector<std::int64_t> begin;
  for (int rank = 0; rank <= num_ranks; ++rank) begin.push_back(total * rank / num_ranks);
  const auto my_pieces = pieces_between(*plan, begin[me], begin[me + 1]);

  World::Exchange exchange(world);
  for (int rank = 0; rank < num_ranks; ++rank) {
    if (rank == me) continue;
    exchange.receive(at_least(incoming[rank], message_length(nodes_of(rank), my_pieces)), rank,
                     kPartialsTag);
  }
  // Each rank starts with its right neighbour, so that not all send to the same one at first.
  for (int i = 1; i < num_ranks; ++i) {
    const int rank = (me + i) % num_ranks;
    const auto message = pack(pieces_between(*plan, begin[rank], begin[rank + 1]), outgoing[rank]);
    exchange.send(message, rank, kPartialsTag);
    cost.bytes_sent += static_cast<std::int64_t>(message.size_bytes());
  }
  exchange.wait();

  at_least(result, total);
  finish_segment(my_pieces);
  world.all_gather_segments(std::span(result).first(total), begin);
  cost.bytes_sent +=
      (begin[me + 1] - begin[me]) * (num_ranks - 1) * static_cast<std::int64_t>(sizeof(float));
}

void MpiReducer::State::finish_segment(std::span<const Piece> pieces) {
  operands.assign(nodes.size() * pieces.size(), nullptr);
  for (int rank = 0; rank < world.size(); ++rank) {
    float* received = incoming[rank].data();
    for (std::size_t node = first_node[rank]; node < first_node[rank + 1]; ++node) {
      for (std::size_t p = 0; p < pieces.size(); ++p) {
        if (!touches(nodes[node], *pieces[p].tensor)) continue;
        float*& operand = operands[node * pieces.size() + p];
        if (rank == world.rank()) {
          operand = partials[node - first_node[rank]].values.data() + pieces[p].begin;
        } else {
          operand = received;
          received += pieces[p].length;
        }
      }
    }
  }
  const std::span<const Merge> inner = std::span(merges).first(merges.size() - 1);
  for (const Merge& step : inner) {
    for (std::size_t p = 0; p < pieces.size(); ++p) {
      float*& left = operands[step.left * pieces.size() + p];
      float* right = operands[step.right * pieces.size() + p];
      if (left && right) {
        add(left, right, pieces[p].length);
      } else if (right) {
        left = right;
      }
    }
  }
  // The root goes straight to its place. Two ranks or more have at least one merge.
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    const float* const left = operands[merges.back().left * pieces.size() + p];
    const float* const right = operands[merges.back().right * pieces.size() + p];
    float* const to = result.data() + pieces[p].begin;
    if (left && right) {
      std::transform(left, left + pieces[p].length, right, to, std::plus<>());
    } else {
      std::copy_n(left ? left : right, pieces[p].length, to);
    }
  }
}

MpiReducer::MpiReducer(World& world, int num_slots) {
  if (num_slots < world.size()) {
    throw ConfigError(concat("weights.slots is ", num_slots, ", but the job has ", world.size(),
                             " ranks: every rank needs a slot. Start at most ", num_slots,
                             " ranks or raise weights.slots"));
  }
  state_ = std::make_unique<State>(world, num_slots);
}

MpiReducer::~MpiReducer() = default;

void MpiReducer::begin(const ReductionPlan& plan) {
  check_plan(plan, state_->num_slots);
  state_->plan = &plan;
  state_->next_slot = state_->block.begin;
  state_->list_own_tensors();
  for (auto& partial : state_->partials) state_->spare.push_back(std::move(partial.values));
  state_->partials.clear();
}

std::span<float> MpiReducer::slot_buffer() {
  expect(state_->plan != nullptr, "begin() comes before slot_buffer()");
  return State::at_least(state_->slot_values, state_->plan->total());
}

void MpiReducer::merge_slot(int slot) {
  State& s = *state_;
  expect(s.plan != nullptr && slot == s.next_slot && slot < s.block.end,
         "merge_slot() gets the rank's own slots one by one, ascending");
  slot_buffer();
  State::Partial partial{{slot, slot + 1},
                         std::exchange(s.slot_values, s.take_spare()),
                         std::move(s.own_tensors[static_cast<std::size_t>(slot - s.block.begin)])};
  while (!s.partials.empty() && are_siblings(s.partials.back().node, partial.node, s.num_slots)) {
    s.merge(s.partials.back(), partial);
    s.spare.push_back(std::move(partial.values));
    partial = std::move(s.partials.back());
    s.partials.pop_back();
  }
  s.partials.push_back(std::move(partial));
  ++s.next_slot;
}

std::span<const float> MpiReducer::reduce() {
  State& s = *state_;
  expect(s.plan != nullptr && s.next_slot == s.block.end,
         "reduce() comes after merge_slot() of every own slot");
  const Stopwatch watch;
  const std::int64_t total = s.plan->total();
  s.cost = {};
  const bool alone = s.world.size() == 1;
  if (!alone && total > 0) s.reduce_over_ranks();
  s.plan = nullptr;
  s.cost.seconds = watch.seconds();
  return std::span(alone ? s.partials.front().values : s.result).first(total);
}

ReductionCost MpiReducer::last_cost() const { return state_->cost; }

}  // namespace enas::comm
