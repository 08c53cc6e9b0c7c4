// SPDX-License-Identifier: Apache-2.0
// Everything that is saved comes back to the bit; everything that is damaged is named and changes
// nothing.
#include "search/checkpoint.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "core/version.hpp"
#include "io/sealed_file.hpp"
#include "unit/io/scratch_folder.hpp"
#include "unit/search/thrown.hpp"

namespace enas::search {
namespace {

constexpr float kTiny = std::numeric_limits<float>::denorm_min();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// A state as a search has it, in plain vectors.
struct State {
  std::vector<float> embedding = {1.0F, -0.0F, kTiny, 3.5F, 1e30F, -7.25F};
  std::vector<float> edge = {0.1F};
  std::vector<float> embedding_velocity = {0.5F, -0.0F, kTiny, -1e-30F, 2.0F, 0.25F};
  std::vector<float> edge_velocity = {-0.2F};
  std::vector<float> theta = {0.3F, -0.4F};
  std::vector<double> baseline = {0.1};
  std::vector<std::int64_t> adam_steps = {std::int64_t{1} << 40};
  Progress progress{1200, 7, 1, 3, 2, 1, 0.5, 81.25};
  BestChild best{77.125, 1000, {3, 0, 2}};
  PhaseChildren children{2, 2, 3, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}};
  std::vector<float> slot_state = {1, 2, 3, -0.0F, 5, 6, 7, 8};
  std::vector<std::int64_t> slot_shape = {2, 2, 2};

  CheckpointView view() {
    return {{{"embedding", {2, 3}, std::span<float>(embedding)},
             {"edge/1/0/relu", {1}, std::span<float>(edge)}},
            {{"embedding", {2, 3}, std::span<float>(embedding_velocity)},
             {"edge/1/0/relu", {1}, std::span<float>(edge_velocity)}},
            {{"parameters/w", {2}, std::span<float>(theta)},
             {"baseline", {1}, std::span<double>(baseline)},
             {"adam_steps", {1}, std::span<std::int64_t>(adam_steps)}},
            progress,
            best,
            children,
            slot_state,
            slot_shape};
  }

  /// All bytes that a checkpoint must bring back.
  io::Digest digest() {
    io::Digester digester;
    const auto here = view();
    for (const auto& array : here.weights) digester.add(array.bytes());
    for (const auto& array : here.momentum) digester.add(array.bytes());
    for (const auto& array : here.strategy) digester.add(array.bytes());
    digester.add_values(std::span<const float>(slot_state));
    digester.add_values(std::span<const std::int32_t>(children.tokens));
    digester.add_values(std::span<const std::int32_t>(best.tokens));
    for (const std::int64_t value :
         {progress.step, progress.round, progress.phase, progress.index, progress.bad_steps,
          progress.rollbacks, best.step, children.rows, children.steps, children.num_tokens}) {
      digester.add_value(static_cast<std::uint64_t>(value));
    }
    for (const double value : {progress.lr_factor, progress.mean_metric, best.metric}) {
      digester.add_values(std::span<const double>(&value, 1));
    }
    return digester.finish();
  }
};

/// A state of the same shape with other values.
State other_state() {
  State state;
  state.embedding.assign(6, 9.0F);
  state.edge = {9.0F};
  state.embedding_velocity.assign(6, 9.0F);
  state.edge_velocity = {9.0F};
  state.theta = {9.0F, 9.0F};
  state.baseline = {9.0};
  state.adam_steps = {9};
  state.progress = Progress();
  state.best = BestChild();
  state.children = PhaseChildren();
  state.slot_state.assign(8, 9.0F);
  return state;
}

RunIdentity identity() {
  RunIdentity run;
  run.config.toml = "[weights]\nslots = 2\n";
  run.config.entries = {{"weights.slots", "2", true}, {"run.dir", "\"x\"", false}};
  run.data = {0xfedcba9876543210U, 0x0000000000000007U};
  run.threads = 3;
  run.instruction_set = "AVX2";
  run.ranks = 4;
  run.wall_seconds = 1234.5;
  run.jobs = {"17", "18"};
  return run;
}

struct CheckpointTest : testing::Test {
  io::ScratchFolder scratch;
  std::filesystem::path path = scratch / "step-00001200.h5";

  void write(State state) { io::write_sealed(path, checkpoint_image(identity(), state.view())); }

  /// Reads into another state, which must stay as it is when that fails. "" on success.
  std::string read_failure() const {
    State target = other_state();
    const auto before = target.digest();
    const std::string message = thrown<InputError>([&] {
      const CheckpointReader reader(path, kSearchCheckpoint);
      auto view = target.view();
      read_search(reader, view);
    });
    EXPECT_EQ(target.digest() == before, !message.empty()) << message;
    return message;
  }

  void flip_byte(std::int64_t offset_from_end) const {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(-offset_from_end, std::ios::end);
    const int value = file.get();
    file.seekp(-offset_from_end, std::ios::end);
    file.put(static_cast<char>(value ^ 1));
  }
};

TEST_F(CheckpointTest, BringsBackEveryBit) {
  State saved;
  write(saved);
  State loaded = other_state();
  auto view = loaded.view();
  read_search(CheckpointReader(path, kSearchCheckpoint), view);
  EXPECT_EQ(loaded.digest(), saved.digest());
  EXPECT_EQ(loaded.children.tokens, saved.children.tokens);
  EXPECT_EQ(loaded.best.tokens, saved.best.tokens);
  EXPECT_EQ(loaded.progress.phase, 1);
  EXPECT_EQ(loaded.progress.lr_factor, 0.5);
}

TEST_F(CheckpointTest, BringsBackAStateOfAnEmptyStart) {
  State saved;
  saved.progress = Progress();
  saved.best = BestChild();
  saved.children = PhaseChildren();
  write(saved);
  State loaded;
  auto view = loaded.view();
  read_search(CheckpointReader(path, kSearchCheckpoint), view);
  EXPECT_TRUE(std::isnan(loaded.progress.mean_metric));
  EXPECT_TRUE(std::isnan(loaded.best.metric));
  EXPECT_EQ(loaded.best.step, -1);
  EXPECT_TRUE(loaded.best.tokens.empty());
  EXPECT_TRUE(loaded.children.tokens.empty());
  EXPECT_EQ(loaded.children.rows, 0);
}

TEST(RunIdentityTest, AKeyThatTheCheckpointDoesNotHaveCountsAsItsDefault) {
  const RunIdentity stored = identity();
  RunIdentity present = identity();
  present.config.entries.push_back({"supernet.precision", "\"float32\"", true, true});
  EXPECT_TRUE(identity_differences(stored, present).empty());
  present.config.entries.back() = {"supernet.precision", "\"tf32\"", true, false};
  const auto differences = identity_differences(stored, present);
  ASSERT_EQ(differences.size(), 1U);
  EXPECT_NE(differences[0].find("(absent)"), std::string::npos);
  present.config.entries = {{"weights.slots", "3", true, true}};
  EXPECT_EQ(identity_differences(stored, present).size(), 1U);
}

TEST_F(CheckpointTest, BringsBackMomentumAsItsOwn) {
  const State saved;
  write(saved);
  State loaded = other_state();
  auto view = loaded.view();
  read_search(CheckpointReader(path, kSearchCheckpoint), view);
  EXPECT_EQ(loaded.embedding_velocity, saved.embedding_velocity);
  EXPECT_EQ(loaded.edge_velocity, saved.edge_velocity);
  const io::ImageReader image(io::read_sealed(path), "file");
  EXPECT_EQ(image.read<float>("/momentum/edge/1/0/relu"), std::vector<float>{-0.2F});
  EXPECT_EQ(image.read<float>("/weights/edge/1/0/relu"), std::vector<float>{0.1F});
}

TEST_F(CheckpointTest, HoldsAStateWithoutMomentumOrCarriedValues) {
  State saved;
  saved.slot_state.clear();
  saved.slot_shape = {2, 0};
  auto view = saved.view();
  view.momentum.clear();
  io::write_sealed(path, checkpoint_image(identity(), view));
  State loaded = other_state();
  loaded.slot_state.clear();
  loaded.slot_shape = {2, 0};
  auto target = loaded.view();
  target.momentum.clear();
  read_search(CheckpointReader(path, kSearchCheckpoint), target);
  EXPECT_EQ(loaded.embedding, saved.embedding);
  EXPECT_EQ(loaded.theta, saved.theta);
  EXPECT_EQ(loaded.embedding_velocity, other_state().embedding_velocity);
  EXPECT_TRUE(loaded.slot_state.empty());
  // Who has momentum cannot go on from there.
  EXPECT_TRUE(contains(read_failure(), "/momentum/embedding"));
}

TEST_F(CheckpointTest, BringsBackTheStrategyAlone) {
  State saved;
  write(saved);
  State loaded = other_state();
  read_strategy(CheckpointReader(path, kSearchCheckpoint), loaded.view().strategy);
  EXPECT_EQ(loaded.theta, saved.theta);
  EXPECT_EQ(loaded.baseline, saved.baseline);
  EXPECT_EQ(loaded.adam_steps, saved.adam_steps);
  EXPECT_EQ(loaded.embedding, other_state().embedding);
}

TEST_F(CheckpointTest, KnowsWhoWroteIt) {
  write({});
  const RunIdentity wrote = CheckpointReader(path, kSearchCheckpoint).identity();
  const RunIdentity expected = identity();
  EXPECT_EQ(wrote.config.toml, expected.config.toml);
  ASSERT_EQ(wrote.config.entries.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(wrote.config.entries[i].key, expected.config.entries[i].key);
    EXPECT_EQ(wrote.config.entries[i].value, expected.config.entries[i].value);
    EXPECT_EQ(wrote.config.entries[i].identity, expected.config.entries[i].identity);
  }
  EXPECT_EQ(wrote.data, expected.data);
  EXPECT_EQ(wrote.threads, 3);
  EXPECT_EQ(wrote.instruction_set, "AVX2");
  EXPECT_EQ(wrote.ranks, 4);
  EXPECT_EQ(wrote.wall_seconds, 1234.5);
  EXPECT_EQ(wrote.jobs, expected.jobs);
}

TEST_F(CheckpointTest, RefusesAnotherShapeOrTypeOrName) {
  State shape;
  auto view = shape.view();
  view.weights[0].shape = {3, 2};
  io::write_sealed(path, checkpoint_image(identity(), view));
  EXPECT_TRUE(contains(read_failure(), "/weights/embedding"));

  State type;
  std::vector<double> doubles(6, 1.0);
  auto typed = type.view();
  typed.weights[0].values = std::span<double>(doubles);
  io::write_sealed(path, checkpoint_image(identity(), typed));
  EXPECT_TRUE(contains(read_failure(), "/weights/embedding"));

  State missing;
  auto fewer = missing.view();
  fewer.weights.pop_back();
  io::write_sealed(path, checkpoint_image(identity(), fewer));
  EXPECT_TRUE(contains(read_failure(), "/weights/edge/1/0/relu"));

  State velocity;
  auto reshaped = velocity.view();
  reshaped.momentum[0].shape = {6};
  io::write_sealed(path, checkpoint_image(identity(), reshaped));
  EXPECT_TRUE(contains(read_failure(), "/momentum/embedding"));

  State strategy;
  auto other = strategy.view();
  other.strategy[2].name = "steps";
  io::write_sealed(path, checkpoint_image(identity(), other));
  EXPECT_TRUE(contains(read_failure(), "/strategy/adam_steps"));

  State slots;
  slots.slot_shape = {1, 2, 4};
  write(slots);
  EXPECT_TRUE(contains(read_failure(), "/slots/state"));
}

TEST_F(CheckpointTest, RefusesValuesThatAreNotFinite) {
  State weight;
  weight.edge[0] = static_cast<float>(kNan);
  write(weight);
  EXPECT_TRUE(contains(read_failure(), "/weights/edge/1/0/relu holds values that are not finite"));
  State velocity;
  velocity.edge_velocity[0] = std::numeric_limits<float>::infinity();
  write(velocity);
  EXPECT_TRUE(contains(read_failure(), "/momentum/edge/1/0/relu holds values that are not finite"));
  State strategy;
  strategy.baseline[0] = std::numeric_limits<double>::infinity();
  write(strategy);
  EXPECT_TRUE(contains(read_failure(), "/strategy/baseline holds values that are not finite"));
  State target = other_state();
  EXPECT_THROW(read_strategy(CheckpointReader(path, kSearchCheckpoint), target.view().strategy),
               InputError);
  EXPECT_EQ(target.digest(), other_state().digest());
  State slot;
  slot.slot_state[5] = static_cast<float>(kNan);
  write(slot);
  EXPECT_TRUE(contains(read_failure(), "/slots/state holds values that are not finite"));
}

TEST_F(CheckpointTest, RefusesOtherHdf5Files) {
  io::ImageWriter foreign(0);
  foreign.dataset("/weights/embedding", std::vector<float>{1.0F});
  io::write_sealed(path, foreign.finish());
  EXPECT_TRUE(contains(read_failure(), "not a checkpoint of this program"));
  io::ImageWriter log(0);
  log.attribute("/", "format", "enas_hpc log");
  io::write_sealed(path, log.finish());
  EXPECT_TRUE(contains(read_failure(), "is an enas_hpc log; wanted is an enas_hpc checkpoint"));
}

TEST_F(CheckpointTest, RefusesOtherVersions) {
  for (const std::int64_t version :
       {kSearchCheckpoint.version - 1, kSearchCheckpoint.version + 1}) {
    io::ImageWriter other(0);
    other.attribute("/", "format", "enas_hpc checkpoint");
    other.attribute("/", "format_version", version);
    io::write_sealed(path, other.finish());
    const std::string message = read_failure();
    EXPECT_TRUE(contains(message, "format version " + std::to_string(version))) << message;
    EXPECT_TRUE(contains(message, "reads version " + std::to_string(kSearchCheckpoint.version)))
        << message;
  }
}

TEST_F(CheckpointTest, RefusesAnIncompleteOne) {
  io::ImageWriter incomplete(0);
  incomplete.attribute("/", "format", "enas_hpc checkpoint");
  incomplete.attribute("/", "format_version", kSearchCheckpoint.version);
  io::write_sealed(path, incomplete.finish());
  EXPECT_TRUE(contains(read_failure(), "not complete"));
}

TEST_F(CheckpointTest, NamesTheFileInEveryRefusal) {
  io::ImageWriter foreign(0);
  foreign.group("/a");
  io::write_sealed(path, foreign.finish());
  EXPECT_TRUE(contains(read_failure(), path.string())) << read_failure();
  State weight;
  weight.edge[0] = static_cast<float>(kNan);
  write(weight);
  EXPECT_TRUE(contains(read_failure(), path.string())) << read_failure();
}

TEST_F(CheckpointTest, RefusesADamagedSeal) {
  write({});
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(path));
  EXPECT_EQ(read_failure(), "");
  for (const std::int64_t offset :
       {std::int64_t{1}, std::int64_t{64}, std::int64_t{40}, std::int64_t{30}, size / 2, size}) {
    flip_byte(offset);
    EXPECT_TRUE(contains(read_failure(), path.string())) << offset;
    flip_byte(offset);
  }
  EXPECT_EQ(read_failure(), "");
  std::filesystem::resize_file(path, static_cast<std::uintmax_t>(size - 1));
  EXPECT_TRUE(contains(read_failure(), "seal"));
  std::filesystem::resize_file(path, 0);
  EXPECT_TRUE(contains(read_failure(), "too short"));
  std::filesystem::remove(path);
  EXPECT_NE(read_failure(), "");
}

TEST_F(CheckpointTest, TellsTheThreadsOfTheFirstThatOpens) {
  EXPECT_EQ(stored_threads({}, kSearchCheckpoint), 0);
  EXPECT_EQ(stored_threads({{9, scratch / "nowhere.h5"}}, kSearchCheckpoint), 0);
  write({});
  EXPECT_EQ(stored_threads({{9, scratch / "nowhere.h5"}, {8, path}}, kSearchCheckpoint), 3);
}

TEST(IdentityDifferences, NamesKeysThatDisagree) {
  const RunIdentity stored = identity();
  RunIdentity present = stored;
  EXPECT_TRUE(identity_differences(stored, present).empty());
  present.config.entries[1].value = "\"y\"";
  present.threads = 8;
  present.ranks = 1;
  present.config.toml = "other";
  EXPECT_TRUE(identity_differences(stored, present).empty());
  present.config.entries[0].value = "4";
  EXPECT_EQ(identity_differences(stored, present),
            std::vector<std::string>{"weights.slots: 2 in the checkpoint, 4 now"});
  present.data.low = 8;
  const auto both = identity_differences(stored, present);
  ASSERT_EQ(both.size(), 2U);
  EXPECT_TRUE(contains(both[1], stored.data.hex() + " in the checkpoint"));
  EXPECT_TRUE(contains(both[1], present.data.hex() + " now"));
}

TEST(IdentityDifferences, NamesKeysThatAreNew) {
  const RunIdentity stored = identity();
  RunIdentity present = stored;
  present.config.entries.push_back({"weights.lr", "20.0", true});
  EXPECT_EQ(identity_differences(stored, present),
            std::vector<std::string>{"weights.lr: (absent) in the checkpoint, 20.0 now"});
}

}  // namespace
}  // namespace enas::search
