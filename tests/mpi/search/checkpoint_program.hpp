// SPDX-License-Identifier: Apache-2.0
// A search's state around a run directory that all ranks see, to be saved and loaded.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <stdexcept>

#include "mpi/search/small_search.hpp"
#include "search/checkpointer.hpp"
#include "search/search_content.hpp"

namespace enas::search {

namespace fs = std::filesystem;

/// A folder that all ranks see, made and removed by rank 0.
class SharedFolder {
 public:
  SharedFolder() {
    std::string name = testing::TempDir() + "enas_search_XXXXXX";
    if (test_world().is_root() && mkdtemp(name.data()) == nullptr) {
      throw std::runtime_error("mkdtemp failed");
    }
    path_ = test_world().broadcast_text(name);
  }
  ~SharedFolder() {
    std::error_code ignored;
    if (test_world().is_root()) fs::remove_all(path_, ignored);
  }
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

inline RunIdentity identity_of(const Settings& settings) {
  RunIdentity identity;
  identity.config.toml = "a = 1\n";
  identity.config.entries = {{"weights.slots", std::to_string(settings.weights.slots), true}};
  identity.threads = 3;
  identity.ranks = test_world().size();
  identity.jobs = {"17"};
  return identity;
}

/// One program's worth of search state around a run directory.
struct Program {
  Program(const fs::path& folder, const Settings& settings, std::uint64_t seed,
          RunIdentity identity)
      : parts(settings, seed),
        log(1),  // silent
        directory(folder),
        run_log(parts.space, parts.task->metric()),
        guard(test_world(), parts.optimizer, parts.supernet->weights().size(), parts.strategy),
        own(comm::block_of(test_world().rank(), test_world().size(), settings.weights.slots)),
        state(parts.new_state(own.size(), 6)),
        some_child(state.children.child(parts.space.id(), 0, 0).tokens),
        slot_shape(parts.supernet->initial_state(parts.settings.weights.batch_size).sizes().vec()),
        content(test_world(), guard, parts.settings,
                {*parts.supernet, parts.optimizer, parts.strategy, state, run_log, parts.space,
                 *parts.task}),
        checkpointer(test_world(), log, directory, parts.settings.checkpoint, std::move(identity),
                     content) {}
  Program(const fs::path& folder, const Settings& settings, std::uint64_t seed)
      : Program(folder, settings, seed, identity_of(settings)) {}

  /// Values that say which slot they are of.
  float slot_value(int slot, std::int64_t i) const {
    return 1000.0F * static_cast<float>(slot) + 0.25F * static_cast<float>(i);
  }
  void fill(std::int64_t step) {
    state.progress = {step, 3, 0, 2, 1, 1, 0.5, 81.5};
    state.best = {77.25, step - 1, some_child};
    for (int slot = own.begin; slot < own.end; ++slot) {
      const auto& carried = state.slot_state[static_cast<std::size_t>(slot - own.begin)];
      auto* values = carried.data_ptr<float>();
      for (std::int64_t i = 0; i < carried.numel(); ++i) values[i] = slot_value(slot, i);
    }
  }
  void expect_filled(std::int64_t step) const {
    EXPECT_EQ(state.progress.step, step);
    EXPECT_EQ(state.progress.round, 3);
    EXPECT_EQ(state.progress.index, 2);
    EXPECT_EQ(state.progress.bad_steps, 1);
    EXPECT_EQ(state.progress.rollbacks, 1);
    EXPECT_EQ(state.progress.lr_factor, 0.5);
    EXPECT_EQ(state.progress.mean_metric, 81.5);
    EXPECT_EQ(state.best.metric, 77.25);
    EXPECT_EQ(state.best.step, step - 1);
    EXPECT_EQ(state.best.tokens, some_child);
    EXPECT_EQ(state.slot_state.size(), static_cast<std::size_t>(own.size()));
    for (int slot = own.begin; slot < own.end; ++slot) {
      const auto& carried = state.slot_state[static_cast<std::size_t>(slot - own.begin)];
      EXPECT_EQ(carried.sizes(), at::IntArrayRef(slot_shape));
      const auto values = values_of(carried);
      for (std::size_t i = 0; i < values.size(); ++i) {
        EXPECT_EQ(values[i], slot_value(slot, static_cast<std::int64_t>(i))) << "slot " << slot;
      }
    }
  }
  io::Digest replicas() {
    auto arrays = parts.strategy.state();
    for (const auto& more : {arrays_of(parts.supernet->weights()), parts.optimizer.state()}) {
      arrays.insert(arrays.end(), more.begin(), more.end());
    }
    return digest_of(arrays);
  }

  SmallSearch parts;
  Log log;
  RunDirectory directory;
  RunLog run_log;
  ReplicaGuard guard;
  comm::Block own;
  SearchState state;
  std::vector<std::int32_t> some_child;
  std::vector<std::int64_t> slot_shape;  ///< of one slot's carried state
  SearchContent content;
  Checkpointer checkpointer;
};

struct CheckpointerTest : testing::Test {
  SharedFolder folder;
  Settings settings = small_settings(5);

  CheckpointerTest() {
    // The lock is given back at once: a test is one process a rank.
    if (test_world().is_root()) RunDirectory(folder.path()).open_on_root();
    test_world().barrier();
  }
  /// The folder goes with the fixture; other ranks may still read in it.
  void TearDown() override { test_world().barrier(); }

  std::vector<std::int64_t> steps() const {
    test_world().barrier();
    std::vector<std::int64_t> found;
    for (const auto& file : RunDirectory(folder.path()).checkpoints()) found.push_back(file.step);
    test_world().barrier();
    return found;
  }
  bool exists(const fs::path& path) const {
    test_world().barrier();
    const bool there = fs::exists(path);
    test_world().barrier();
    return there;
  }
  void on_root(const std::function<void()>& work) const {
    test_world().barrier();
    if (test_world().is_root()) work();
    test_world().barrier();
  }
};

}  // namespace enas::search
