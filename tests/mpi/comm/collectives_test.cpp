// SPDX-License-Identifier: Apache-2.0
// Each collective on every number of ranks, once as it is and once with every message split.
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <numeric>
#include <thread>

#include "comm/exchange.hpp"
#include "core/text.hpp"
#include "support/mpi_main.hpp"

namespace enas::comm {
namespace {

using Bytes = std::vector<std::byte>;

// `length` bytes that depend on the rank.
Bytes piece_of(int rank, std::size_t length) {
  Bytes bytes(length);
  for (std::size_t i = 0; i < length; ++i) bytes[i] = static_cast<std::byte>(37 * rank + 5 * i + 1);
  return bytes;
}

// Rank 1 and every third after it have nothing.
std::size_t length_of(int rank) { return rank % 3 == 1 ? 0 : 11 + 13 * rank; }

class Collectives : public testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override { world_.set_message_limit(GetParam()); }
  void TearDown() override { world_.set_message_limit(std::size_t{1} << 30); }

  World& world_ = test_world();
  const int rank_ = world_.rank();
  const int size_ = world_.size();
};

INSTANTIATE_TEST_SUITE_P(MessageLimit, Collectives, testing::Values(std::size_t{1} << 30, 5),
                         [](const auto& test) { return concat("Bytes", test.param); });

TEST_P(Collectives, KnowsTheWorld) {
  EXPECT_GE(rank_, 0);
  EXPECT_LT(rank_, size_);
  EXPECT_EQ(world_.local_rank(), rank_) << "tests run on one machine";
  EXPECT_FALSE(world_.node_name().empty());
  const std::string version = mpi_library_version();
  EXPECT_FALSE(version.empty());
  EXPECT_EQ(version.find('\n'), std::string::npos);
}

TEST_P(Collectives, BroadcastValue) {
  struct Value {
    double number;
    std::int64_t count;
  };
  const auto value = world_.broadcast_value(Value{rank_ + 0.5, rank_ - 7});
  EXPECT_EQ(value.number, 0.5);
  EXPECT_EQ(value.count, -7);
}

TEST_P(Collectives, BroadcastText) {
  const std::string text = "a text of rank 0 that is longer than a split message\nwith \0 zero";
  EXPECT_EQ(world_.broadcast_text(rank_ == 0 ? text : concat("other ", rank_)), text);
  EXPECT_EQ(world_.broadcast_text(rank_ == 0 ? "" : "not empty"), "");
}

TEST_P(Collectives, AllGather) {
  Bytes all(7 * size_);
  world_.all_gather(piece_of(rank_, 7), all);
  for (int r = 0; r < size_; ++r) {
    EXPECT_EQ(Bytes(all.begin() + 7 * r, all.begin() + 7 * (r + 1)), piece_of(r, 7));
  }
  world_.all_gather({}, {});
}

TEST_P(Collectives, AllGatherRefusesAWrongSize) {
  Bytes all(7 * size_ + 1);
  EXPECT_THROW(world_.all_gather(piece_of(rank_, 7), all), ContractError);
}

TEST_P(Collectives, AllGatherVaried) {
  const auto pieces = world_.all_gather_varied(piece_of(rank_, length_of(rank_)));
  EXPECT_EQ(pieces.size(), static_cast<std::size_t>(size_));
  for (int r = 0; r < size_; ++r) EXPECT_EQ(pieces.at(r), piece_of(r, length_of(r)));

  const auto empty = world_.all_gather_varied({});
  EXPECT_EQ(empty, std::vector<Bytes>(size_));
}

TEST_P(Collectives, GatherVaried) {
  const auto pieces = world_.gather_varied(piece_of(rank_, length_of(rank_)));
  EXPECT_EQ(pieces.size(), static_cast<std::size_t>(rank_ == 0 ? size_ : 0));
  for (std::size_t r = 0; r < pieces.size(); ++r) {
    EXPECT_EQ(pieces[r], piece_of(static_cast<int>(r), length_of(static_cast<int>(r))));
  }
}

TEST_P(Collectives, ScatterVaried) {
  std::vector<Bytes> pieces;
  if (rank_ == 0) {
    for (int r = 0; r < size_; ++r) pieces.push_back(piece_of(r, length_of(r)));
  }
  EXPECT_EQ(world_.scatter_varied(pieces), piece_of(rank_, length_of(rank_)));
}

TEST_P(Collectives, AllAgree) {
  EXPECT_TRUE(world_.all_agree(true));
  EXPECT_FALSE(world_.all_agree(false));
  for (int r = 0; r < size_; ++r) EXPECT_FALSE(world_.all_agree(r != rank_));
}

TEST_P(Collectives, ShareFailureTellsNone) {
  const auto failure = world_.share_failure(ExitCode::success, "");
  EXPECT_FALSE(failure);
  EXPECT_EQ(failure.code, ExitCode::success);
  EXPECT_EQ(failure.message, "");
}

TEST_P(Collectives, ShareFailureTellsTheLowestRank) {
  // From rank 1 on all have failed; the lowest of them speaks.
  const int first = size_ > 1 ? 1 : 0;
  const bool failed = rank_ >= first;
  const auto code = rank_ == first ? ExitCode::missing_input : ExitCode::permission;
  const auto failure = world_.share_failure(failed ? code : ExitCode::success,
                                            failed ? concat("message of rank ", rank_) : "");
  EXPECT_TRUE(failure);
  EXPECT_EQ(failure.rank, first);
  EXPECT_EQ(failure.code, ExitCode::missing_input);
  EXPECT_EQ(failure.message, concat("message of rank ", first));
}

TEST_P(Collectives, AllGatherSegments) {
  std::vector<std::int64_t> begin{0};
  for (int r = 0; r < size_; ++r) begin.push_back(begin.back() + length_of(r));
  std::vector<float> all(begin.back(), -1), expected(begin.back());
  std::iota(expected.begin(), expected.end(), 1.0F);
  std::copy(expected.begin() + begin[rank_], expected.begin() + begin[rank_ + 1],
            all.begin() + begin[rank_]);
  world_.all_gather_segments(all, begin);
  EXPECT_EQ(all, expected);
}

TEST_P(Collectives, ExchangeWithEveryNeighbour) {
  Exchange exchange(world_);
  for (int round = 0; round < 2; ++round) {
    std::vector<std::vector<float>> out(size_), in(size_);
    for (int r = 0; r < size_; ++r) {
      out[r].assign(3 + rank_ * r, static_cast<float>(100 * rank_ + r + round));
      in[r].assign(3 + rank_ * r, -1);
      exchange.receive(std::span(in[r]), r, 9);
      exchange.send(std::span<const float>(out[r]), r, 9);
    }
    exchange.wait();
    for (int r = 0; r < size_; ++r) {
      EXPECT_EQ(in[r],
                std::vector<float>(3 + rank_ * r, static_cast<float>(100 * r + rank_ + round)));
    }
  }
  exchange.wait();
}

// The watchdog stays on in all tests that run afterwards, and must not disturb them.
TEST(WorldWatchdog, RunsBesideCollectives) {
  auto& world = test_world();
  world.start_watchdog(100, testing::TempDir());
  for (int step = 0; step < 100; ++step) {
    world.note_progress("test", step);
    EXPECT_EQ(world.broadcast_value(step), step);
    EXPECT_TRUE(world.all_agree(true));
  }
  world.stop_watchdog();
}

TEST(WorldWatchdog, EndsNothingAfterItWasStoppedOrReplaced) {
  auto& world = test_world();
  world.start_watchdog(0.2, testing::TempDir());
  world.start_watchdog(100, testing::TempDir());
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  world.barrier();
  world.start_watchdog(0.2, testing::TempDir());
  world.stop_watchdog();
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  world.barrier();
}

TEST_P(Collectives, APartOfTheRanksIsAWorldOfItsOwn) {
  for (int count = 1; count <= size_; ++count) {
    World part(world_, count);
    EXPECT_EQ(part.is_member(), rank_ < count);
    if (part.is_member()) {
      EXPECT_EQ(part.rank(), rank_);
      EXPECT_EQ(part.size(), count);
      const auto all = part.all_gather_value(10 * rank_);
      ASSERT_EQ(all.size(), static_cast<std::size_t>(count));
      EXPECT_EQ(all.back(), 10 * (count - 1));
      Exchange ring(part);
      int from_left = -1;
      ring.send(std::as_bytes(std::span(&rank_, 1)), (rank_ + 1) % count, 7);
      ring.receive(std::as_writable_bytes(std::span(&from_left, 1)), (rank_ + count - 1) % count,
                   7);
      ring.wait();
      EXPECT_EQ(from_left, (rank_ + count - 1) % count);
    }
    world_.quiet_barrier();
  }
}

}  // namespace
}  // namespace enas::comm
