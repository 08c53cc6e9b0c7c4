// SPDX-License-Identifier: Apache-2.0
// Everything that is saved comes back to the bit; everything that is damaged is named and changes
// nothing.
#include "run/state_file.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "core/text.hpp"
#include "core/version.hpp"
#include "io/sealed_file.hpp"
#include "support/thrown.hpp"
#include "unit/io/scratch_folder.hpp"

namespace enas::run {
namespace {

constexpr float kTiny = std::numeric_limits<float>::denorm_min();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// A state with a field of each kind, in plain vectors.
struct Values {
  std::vector<float> embedding = {1.0F, -0.0F, kTiny, 3.5F, 1e30F, -7.25F};
  std::vector<float> edge = {0.1F};
  std::vector<float> theta = {0.3F, -0.4F};
  std::vector<double> baseline = {0.1};
  std::vector<std::int64_t> adam_steps = {std::int64_t{1} << 40};
  std::int64_t step = 1200;
  double lr_factor = 0.5;
  double metric = kNan;
  std::vector<std::int64_t> shape = {2, 3};
  std::vector<std::int32_t> tokens = {0, 1, 2, 3, 4, 5};
  std::vector<double> history = {1.0, kNan};
  std::vector<float> slot_states = {1, 2, 3, -0.0F, 5, 6, 7, 8};
  std::vector<std::int64_t> slot_shape = {2, 2};
  std::string subject = "cell";
  std::function<void()> check;

  State view() {
    return {{ArrayGroup{"/weights",
                        {{"embedding", {2, 3}, std::span(embedding)},
                         {"edge/1/0/relu", {1}, std::span(edge)}},
                        true},
             ArrayGroup{"/strategy",
                        {{"parameters/w", {2}, std::span(theta)},
                         {"baseline", {1}, std::span(baseline)},
                         {"adam_steps", {1}, std::span(adam_steps)}},
                        false,
                        true},
             SlotStates{2, slot_shape, nullptr}, Sequence{"/children/tokens", &tokens, &shape},
             Sequence{"/progress/history", &history}, Number{"/progress", "step", &step},
             Number{"/progress", "lr_factor", &lr_factor},
             Number{"/progress", "metric", &metric, false},
             Subject{"subject", subject, "is of something else"}},
            check};
  }

  /// All bytes that a checkpoint must bring back.
  io::Digest digest() {
    io::Digester digester;
    for (const auto& array : view().replicated()) digester.add(array.name).add(array.bytes());
    digester.add_values(std::span<const float>(slot_states));
    return digester.finish();
  }
};

/// A state of the same shape with other values.
Values other_values() {
  Values values;
  values.embedding.assign(6, 9.0F);
  values.edge = {9.0F};
  values.theta = {9.0F, 9.0F};
  values.baseline = {9.0};
  values.adam_steps = {9};
  values.step = 9;
  values.lr_factor = 1.0;
  values.metric = 9.0;
  values.shape = {0, 0};
  values.tokens.clear();
  values.history.assign(5, 9.0);
  values.slot_states.assign(8, 9.0F);
  return values;
}

State fields() {
  static Values none;
  return none.view();
}

const CheckpointKind kKind = {"enas_hpc checkpoint", 3, fields};

Identity identity() {
  Identity run;
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

struct StateFileTest : testing::Test {
  io::ScratchFolder scratch;
  std::filesystem::path path = scratch / "step-00001200.h5";

  void write(State state, const std::vector<float>& slot_states) {
    io::ImageWriter image(0);
    begin_checkpoint(image, kKind, identity(), 1200);
    write_state(image, state, slot_states);
    io::write_sealed(path, finish_checkpoint(image));
  }
  void write(Values values) { write(values.view(), values.slot_states); }
  /// With one array of a group replaced.
  void write_with(const char* group, std::size_t number, const NamedArray& array) {
    Values values;
    State state = values.view();
    for (Field& field : state.fields) {
      auto* found = std::get_if<ArrayGroup>(&field);
      if (found != nullptr && found->path == group) found->arrays[number] = array;
    }
    write(state, values.slot_states);
  }
  void read(Values& values) const {
    const CheckpointReader reader(path, kKind);
    values.slot_states = read_state(reader, [&] { return values.view(); });
  }

  /// Reads into other values, which must stay as they are when that fails. "" on success.
  std::string read_failure(Values target = other_values()) const {
    const auto before = target.digest();
    const std::string message = thrown<Error>([&] { read(target); });
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

TEST_F(StateFileTest, BringsBackEveryBit) {
  Values saved;
  write(saved);
  Values loaded = other_values();
  read(loaded);
  EXPECT_EQ(loaded.digest(), saved.digest());
  EXPECT_EQ(loaded.tokens, saved.tokens);
  EXPECT_EQ(loaded.shape, saved.shape);
  EXPECT_EQ(loaded.lr_factor, 0.5);
}

TEST_F(StateFileTest, BringsBackEmptySequences) {
  Values saved;
  saved.shape = {0, 0};
  saved.tokens.clear();
  saved.history.clear();
  write(saved);
  Values loaded;
  read(loaded);
  EXPECT_EQ(loaded.digest(), saved.digest());
  EXPECT_TRUE(std::isnan(loaded.metric));
}

TEST_F(StateFileTest, AsksTheJobAboutNumbersAndSequences) {
  write({});
  Values target = other_values();
  target.check = [&] {
    EXPECT_EQ(target.step, 1200);
    EXPECT_EQ(target.history.size(), 2U);
    throw InputError("step is odd");
  };
  const auto before = target.digest();
  EXPECT_EQ(thrown<InputError>([&] { read(target); }), concat(path.string(), ": step is odd"));
  EXPECT_EQ(target.digest(), before);
}

TEST_F(StateFileTest, MakesRoomForWhatNumbersSay) {
  write({});
  Values target = other_values();
  target.embedding.clear();
  const CheckpointReader reader(path, kKind);
  read_state(reader, [&] {
    State state = target.view();
    if (target.step != 1200) return state;
    target.embedding.resize(6);
    return target.view();
  });
  EXPECT_EQ(target.embedding, Values().embedding);
}

TEST_F(StateFileTest, RefusesAnotherSubject) {
  write({});
  Values target = other_values();
  target.subject = "network";
  EXPECT_EQ(read_failure(target), concat(path.string(), " is of something else"));
}

TEST_F(StateFileTest, HashesEveryField) {
  const auto hash_of_file = [&](const Values& values) {
    write(values);
    return hash_of(io::ImageReader(io::read_sealed(path), "file"), fields());
  };
  const std::string hash = hash_of_file({});
  const auto changed = [&](auto change) {
    Values values;
    change(values);
    return hash_of_file(values) != hash;
  };
  EXPECT_TRUE(changed([](Values& values) { values.edge[0] = 0.2F; }));
  EXPECT_TRUE(changed([](Values& values) { values.adam_steps[0] = 1; }));
  EXPECT_TRUE(changed([](Values& values) { values.slot_states[7] = 9; }));
  EXPECT_TRUE(changed([](Values& values) { values.tokens[5] = 0; }));
  EXPECT_TRUE(changed([](Values& values) { values.history.push_back(0.0); }));
  EXPECT_TRUE(changed([](Values& values) { values.step = 1; }));
  EXPECT_TRUE(changed([](Values& values) { values.lr_factor = 0.25; }));
  EXPECT_TRUE(changed([](Values& values) { values.subject = "network"; }));
  EXPECT_FALSE(changed([](Values& values) { values.metric = 2.0; }));
}

TEST(IdentityDifferences, AKeyThatTheCheckpointDoesNotHaveCountsAsItsDefault) {
  const Identity stored = identity();
  Identity present = identity();
  present.config.entries.push_back({"supernet.precision", "\"float32\"", true, true});
  EXPECT_TRUE(identity_differences(stored, present).empty());
  present.config.entries.back() = {"supernet.precision", "\"tf32\"", true, false};
  const auto differences = identity_differences(stored, present);
  ASSERT_EQ(differences.size(), 1U);
  EXPECT_NE(differences[0].find("(absent)"), std::string::npos);
  present.config.entries = {{"weights.slots", "3", true, true}};
  EXPECT_EQ(identity_differences(stored, present).size(), 1U);
}

TEST_F(StateFileTest, KnowsWhoWroteIt) {
  write({});
  const Identity wrote = CheckpointReader(path, kKind).identity();
  const Identity expected = identity();
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

TEST_F(StateFileTest, RefusesAnotherShapeOrTypeOrName) {
  std::vector<float> floats(6, 1.0F);
  std::vector<double> doubles(6, 1.0);
  std::vector<std::int64_t> integers = {1};
  write_with("/weights", 0, {"embedding", {3, 2}, std::span(floats)});
  EXPECT_TRUE(contains(read_failure(), "/weights/embedding"));
  write_with("/weights", 0, {"embedding", {2, 3}, std::span(doubles)});
  EXPECT_TRUE(contains(read_failure(), "/weights/embedding"));
  write_with("/weights", 1, {"edge", {6}, std::span(floats)});
  EXPECT_TRUE(contains(read_failure(), "/weights/edge/1/0/relu"));
  write_with("/strategy", 2, {"steps", {1}, std::span(integers)});
  EXPECT_TRUE(contains(read_failure(), "/strategy/adam_steps"));
  Values slots;
  slots.slot_shape = {1, 4};
  write(slots);
  EXPECT_TRUE(contains(read_failure(), "/slots/state"));
  Values wide = other_values();
  wide.shape = {0, 0, 0};
  EXPECT_TRUE(contains(read_failure(wide), "/children/tokens has 2 dimensions"));
}

TEST_F(StateFileTest, RefusesValuesThatMakeNoSense) {
  std::vector<float> nan = {static_cast<float>(kNan)};
  std::vector<double> infinity = {std::numeric_limits<double>::infinity()};
  std::vector<std::int64_t> negative = {-1};
  write_with("/weights", 1, {"edge/1/0/relu", {1}, std::span(nan)});
  EXPECT_TRUE(contains(read_failure(), "/weights/edge/1/0/relu holds values that are not finite"));
  write_with("/strategy", 1, {"baseline", {1}, std::span(infinity)});
  EXPECT_TRUE(contains(read_failure(), "/strategy/baseline holds values that are not finite"));
  write_with("/strategy", 2, {"adam_steps", {1}, std::span(negative)});
  EXPECT_TRUE(contains(read_failure(), "/strategy/adam_steps is -1"));
  Values slot;
  slot.slot_states[5] = static_cast<float>(kNan);
  write(slot);
  EXPECT_TRUE(contains(read_failure(), "/slots/state holds values that are not finite"));
}

TEST_F(StateFileTest, RefusesOtherHdf5Files) {
  io::ImageWriter foreign(0);
  foreign.dataset("/weights/embedding", std::vector<float>{1.0F});
  io::write_sealed(path, foreign.finish());
  EXPECT_TRUE(contains(read_failure(), "not a checkpoint of this program"));
  io::ImageWriter log(0);
  log.attribute("/", "format", "enas_hpc log");
  io::write_sealed(path, log.finish());
  EXPECT_TRUE(contains(read_failure(), "is an enas_hpc log; wanted is an enas_hpc checkpoint"));
}

TEST_F(StateFileTest, RefusesOtherVersions) {
  for (const std::int64_t version : {kKind.version - 1, kKind.version + 1}) {
    io::ImageWriter other(0);
    other.attribute("/", "format", "enas_hpc checkpoint");
    other.attribute("/", "format_version", version);
    io::write_sealed(path, other.finish());
    const std::string message = read_failure();
    EXPECT_TRUE(contains(message, "format version " + std::to_string(version))) << message;
    EXPECT_TRUE(contains(message, "reads version " + std::to_string(kKind.version))) << message;
  }
}

TEST_F(StateFileTest, RefusesAnIncompleteOne) {
  io::ImageWriter incomplete(0);
  incomplete.attribute("/", "format", "enas_hpc checkpoint");
  incomplete.attribute("/", "format_version", kKind.version);
  io::write_sealed(path, incomplete.finish());
  EXPECT_TRUE(contains(read_failure(), "not complete"));
}

TEST_F(StateFileTest, NamesTheFileInEveryRefusal) {
  io::ImageWriter foreign(0);
  foreign.group("/a");
  io::write_sealed(path, foreign.finish());
  EXPECT_TRUE(contains(read_failure(), path.string())) << read_failure();
  Values slot;
  slot.slot_states[0] = static_cast<float>(kNan);
  write(slot);
  EXPECT_TRUE(contains(read_failure(), path.string())) << read_failure();
}

TEST_F(StateFileTest, RefusesADamagedSeal) {
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

TEST_F(StateFileTest, TellsTheThreadsOfTheFirstThatOpens) {
  EXPECT_EQ(stored_threads({}, kKind), 0);
  EXPECT_EQ(stored_threads({{9, scratch / "nowhere.h5"}}, kKind), 0);
  write({});
  EXPECT_EQ(stored_threads({{9, scratch / "nowhere.h5"}, {8, path}}, kKind), 3);
}

TEST(IdentityDifferences, NamesKeysThatDisagree) {
  const Identity stored = identity();
  Identity present = stored;
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
  const Identity stored = identity();
  Identity present = stored;
  present.config.entries.push_back({"weights.lr", "20.0", true});
  EXPECT_EQ(identity_differences(stored, present),
            std::vector<std::string>{"weights.lr: (absent) in the checkpoint, 20.0 now"});
}

}  // namespace
}  // namespace enas::run
