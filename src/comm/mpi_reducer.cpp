// SPDX-License-Identifier: Apache-2.0
// Adds own slots, sends partial sums to the owner of each segment, and gathers the segments.
#include "comm/mpi_reducer.hpp"

#include <algorithm>
#include <functional>

#include "comm/exchange.hpp"
#include "comm/slot_partials.hpp"
#include "core/clock.hpp"

namespace enas::comm {

namespace {

constexpr int kPartialsTag = 2;

// The part of one tensor that lies in one segment.
struct Piece {
  const UnionTensor* tensor;
  std::int64_t begin;
  std::int64_t length;
};

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

// Number of values of a message that holds these pieces of these nodes.
std::int64_t message_length(std::span<const Block> nodes, std::span<const Piece> pieces) {
  std::int64_t length = 0;
  for (const Block node : nodes) {
    for (const Piece& piece : pieces) {
      if (touches(node, *piece.tensor)) length += piece.length;
    }
  }
  return length;
}

}  // namespace

struct MpiReducer::State {
  using Values = SlotPartials::Values;

  State(World& the_world, int slots)
      : world(the_world), partials(block_of(world.rank(), world.size(), slots), slots) {
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
  std::span<const float> pack(std::span<const Piece> pieces, Values& message);
  void reduce_over_ranks();
  void finish_segment(std::span<const Piece> pieces);

  World& world;
  std::vector<Block> nodes;             // maximal nodes of all ranks, ascending
  std::vector<std::size_t> first_node;  // nodes of rank r: [first_node[r], first_node[r+1])
  std::vector<Merge> merges;            // from `nodes` to the root

  SlotPartials partials;                   // of own slots
  std::vector<Values> outgoing, incoming;  // one message a peer
  std::vector<float*> operands;            // [nodes, pieces], null where absent
  Values result;
  ReductionCost cost;
};

std::span<const float> MpiReducer::State::pack(std::span<const Piece> pieces, Values& message) {
  const auto packed = at_least(message, message_length(nodes_of(world.rank()), pieces));
  float* to = packed.data();
  for (const auto& partial : partials.all()) {
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
  const std::int64_t total = partials.plan().total();
  std::vector<std::int64_t> begin;
  for (int rank = 0; rank <= num_ranks; ++rank) begin.push_back(total * rank / num_ranks);
  const auto my_pieces = pieces_between(partials.plan(), begin[me], begin[me + 1]);

  Exchange exchange(world);
  for (int rank = 0; rank < num_ranks; ++rank) {
    if (rank == me) continue;
    exchange.receive(at_least(incoming[rank], message_length(nodes_of(rank), my_pieces)), rank,
                     kPartialsTag);
  }
  // Each rank starts with its right neighbour, so that not all send to the same one at first.
  for (int i = 1; i < num_ranks; ++i) {
    const int rank = (me + i) % num_ranks;
    const auto message =
        pack(pieces_between(partials.plan(), begin[rank], begin[rank + 1]), outgoing[rank]);
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
          operand = partials.all()[node - first_node[rank]].values.data() + pieces[p].begin;
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
  // The last sum is written to its place in the result. With two ranks or more there is one.
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
  check_slots(num_slots, world.size());
  state_ = std::make_unique<State>(world, num_slots);
}

MpiReducer::~MpiReducer() = default;

void MpiReducer::begin(const ReductionPlan& plan) { state_->partials.begin(plan); }

std::span<float> MpiReducer::slot_buffer() { return state_->partials.slot_buffer(); }

void MpiReducer::merge_slot(int slot) { state_->partials.merge_slot(slot); }

std::span<const float> MpiReducer::reduce() {
  State& s = *state_;
  s.partials.finish();
  const Stopwatch watch;
  const std::int64_t total = s.partials.plan().total();
  s.cost = {};
  const bool alone = s.world.size() == 1;
  if (!alone && total > 0) s.reduce_over_ranks();
  s.cost.seconds = watch.seconds();
  return std::span(alone ? s.partials.all().front().values : s.result).first(total);
}

ReductionCost MpiReducer::last_cost() const { return state_->cost; }

}  // namespace enas::comm
