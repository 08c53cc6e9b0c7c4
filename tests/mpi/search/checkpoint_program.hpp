// SPDX-License-Identifier: Apache-2.0
// A search's state around a run directory that all ranks see, to be saved and loaded.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "mpi/search/small_search.hpp"
#include "run/checkpointer.hpp"
#include "run/replicas.hpp"
#include "search/loaded_state.hpp"
#include "search/run_log.hpp"
#include "search/search_state.hpp"
#include "support/shared_folder.hpp"

namespace enas::search {

namespace fs = std::filesystem;

inline run::Identity identity_of(const Settings& settings) {
  run::Identity identity;
  identity.config.toml = "a = 1\n";
  identity.config.entries = {{"weights.slots", std::to_string(settings.weights.slots), true}};
  identity.threads = 3;
  identity.ranks = test_world().size();
  identity.jobs = {"17"};
  return identity;
}

/// One program's worth of search state around a run directory. A job that never steps.
struct Program : run::Job {
  Program(const fs::path& folder, const Settings& settings, std::uint64_t seed,
          run::Identity identity)
      : parts(settings, seed),
        log(1),  // silent
        directory(folder),
        run_log(parts.space, parts.task->metric()),
        own(comm::block_of(test_world().rank(), test_world().size(), settings.weights.slots)),
        content(parts.new_state(own.size(), 6)),
        some_child(content.children.child(parts.space.id(), 0, 0).tokens),
        slot_shape(parts.supernet->initial_state(parts.settings.weights.batch_size).sizes().vec()),
        checkpointer(test_world(), log, directory, parts.settings.run.checkpoint,
                     std::move(identity), *this) {}
  Program(const fs::path& folder, const Settings& settings, std::uint64_t seed)
      : Program(folder, settings, seed, identity_of(settings)) {}

  const run::CheckpointKind& kind() const override { return kSearchCheckpoint; }
  run::State state() override {
    auto state = checkpoint_state(content,
                                  {run::arrays_of(parts.supernet->weights()),
                                   parts.optimizer.state(), parts.strategy.state()},
                                  parts.settings.weights.slots, slot_shape);
    state.check = [this] { check_loaded(content, parts.space, parts.settings, parts.evaluator); };
    return state;
  }
  Progress& position() override { return content.progress; }
  const Progress& position() const override { return content.progress; }
  run::StepLog& rows() override { return run_log; }
  const char* weight_section() const override { return "weights"; }
  bool done() const override { return true; }
  run::StepOutcome advance(std::int64_t) override { return {}; }
  void end_stretch() override {}
  void started(bool) override {}
  void saved() override {}
  void failed(const Error&) override {}
  void ended(const std::string&, double) override {}

  /// Values that say which slot they are of.
  float slot_value(int slot, std::int64_t i) const {
    return 1000.0F * static_cast<float>(slot) + 0.25F * static_cast<float>(i);
  }
  void fill(std::int64_t step) {
    content.progress = {{step, 1, 1, 0.5}, 3, kWeightPhase, 2, 81.5};
    content.best = {77.25, step - 1, some_child};
    for (int slot = own.begin; slot < own.end; ++slot) {
      const auto& carried = content.slot_state[static_cast<std::size_t>(slot - own.begin)];
      auto* values = carried.data_ptr<float>();
      for (std::int64_t i = 0; i < carried.numel(); ++i) values[i] = slot_value(slot, i);
    }
  }
  void expect_filled(std::int64_t step) const {
    EXPECT_EQ(content.progress.step, step);
    EXPECT_EQ(content.progress.round, 3);
    EXPECT_EQ(content.progress.index, 2);
    EXPECT_EQ(content.progress.bad_steps, 1);
    EXPECT_EQ(content.progress.rollbacks, 1);
    EXPECT_EQ(content.progress.lr_factor, 0.5);
    EXPECT_EQ(content.progress.mean_metric, 81.5);
    EXPECT_EQ(content.best.metric, 77.25);
    EXPECT_EQ(content.best.step, step - 1);
    EXPECT_EQ(content.best.tokens, some_child);
    EXPECT_EQ(content.slot_state.size(), static_cast<std::size_t>(own.size()));
    for (int slot = own.begin; slot < own.end; ++slot) {
      const auto& carried = content.slot_state[static_cast<std::size_t>(slot - own.begin)];
      EXPECT_EQ(carried.sizes(), at::IntArrayRef(slot_shape));
      const auto values = values_of(carried);
      for (std::size_t i = 0; i < values.size(); ++i) {
        EXPECT_EQ(values[i], slot_value(slot, static_cast<std::int64_t>(i))) << "slot " << slot;
      }
    }
  }
  io::Digest replicas() {
    auto arrays = parts.strategy.state();
    for (const auto& more : {run::arrays_of(parts.supernet->weights()), parts.optimizer.state()}) {
      arrays.insert(arrays.end(), more.begin(), more.end());
    }
    return run::digest_of(arrays);
  }

  SmallSearch parts;
  Log log;
  run::Directory directory;
  RunLog run_log;
  comm::Block own;
  SearchState content;
  std::vector<std::int32_t> some_child;
  std::vector<std::int64_t> slot_shape;  ///< of one slot's carried state
  run::Checkpointer checkpointer;
};

struct CheckpointerTest : testing::Test {
  SharedFolder folder;
  Settings settings = small_settings(5);

  CheckpointerTest() {
    // The lock is given back at once: a test is one process a rank.
    if (test_world().is_root()) run::Directory(folder.path()).open_on_root();
    test_world().barrier();
  }
  /// The folder goes with the fixture; other ranks may still read in it.
  void TearDown() override { test_world().barrier(); }

  std::vector<std::int64_t> steps() const {
    test_world().barrier();
    std::vector<std::int64_t> found;
    for (const auto& file : run::Directory(folder.path()).checkpoints()) found.push_back(file.step);
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
