// SPDX-License-Identifier: Apache-2.0
#include "app/config_text.hpp"

#include <gtest/gtest.h>

#include "app/presets.hpp"
#include "app/schema.hpp"
#include "core/text.hpp"
#include "io/durable_file.hpp"
#include "unit/app/config_helpers.hpp"

namespace enas::app {
namespace {

const std::filesystem::path kSource = ENAS_SOURCE_FOLDER;

void expect_same(const Settings& one, const Settings& other) {
  for (const Key& key : schema()) {
    EXPECT_EQ(key.value_in(one), key.value_in(other)) << key.name;
  }
}

TEST(ConfigRecord, ParsesBackToTheSameSettings) {
  for (const auto& preset : preset_names()) {
    Settings settings = preset_settings(preset);
    settings.data.path = "a folder/with \"quotes\" \\ and\ttabs";
    settings.weights.lr = 1.0 / 3.0;
    settings.reinforce.entropy_weight = 1.2345678901234567e-11;
    settings.space.activations = {space::Activation::sigmoid, space::Activation::tanh};
    const auto record = config_record(settings, preset);
    expect_same(read(record.toml).settings, settings);
    EXPECT_EQ(record.entries.size(), schema().size());
  }
}

TEST(ConfigRecord, EntriesHoldValueAndRole) {
  Settings settings;
  settings.weights.slots = 5;
  const auto record = config_record(settings, "default");
  int found = 0;
  for (const auto& entry : record.entries) {
    if (entry.key == "weights.slots") {
      EXPECT_EQ(entry.value, "5");
      EXPECT_TRUE(entry.identity);
      ++found;
    }
    if (entry.key == "run.threads") {
      EXPECT_FALSE(entry.identity);
      ++found;
    }
  }
  EXPECT_EQ(found, 2);
}

TEST(Defaults, AreAConfigurationWithACommentForEveryKey) {
  const std::string text = defaults_toml();
  expect_same(read(text, {"data.path=x"}).settings, read("", {"data.path=x"}).settings);
  for (const Key& key : schema()) {
    EXPECT_NE(text.find("# " + key.help), std::string::npos) << key.name;
    EXPECT_NE(text.find(concat("\n", key.short_name(), " = ")), std::string::npos) << key.name;
  }
}

TEST(Explain, SaysWhatAKeyIs) {
  const std::string text = explain("controller.lr");
  EXPECT_NE(text.find("Learning rate of Adam."), std::string::npos);
  EXPECT_NE(text.find("default: 5e-5"), std::string::npos) << text;
  EXPECT_NE(text.find("paper: 0.00035"), std::string::npos) << text;
  EXPECT_EQ(explain_json("controller.lr")["paper"], 3.5e-4);
  EXPECT_NE(explain("preset").find("released"), std::string::npos);
}

TEST(Explain, UnknownKeysAreUsageErrorsWithTheNearestName) {
  const Refusal near = refusal_of([] { explain("weights.slot"); });
  EXPECT_EQ(near.code, ExitCode::usage);
  EXPECT_EQ(near.message, "unknown key weights.slot; did you mean weights.slots?");
  EXPECT_EQ(refusal_of([] { explain("slots"); }).message,
            "unknown key slots; did you mean weights.slots?");
  EXPECT_EQ(refusal_of([] { explain("slot"); }).message,
            "unknown key slot; did you mean weights.slots?");
  EXPECT_EQ(refusal_of([] { explain("qqqqqqqqqqqq"); }).message, "unknown key qqqqqqqqqqqq");
}

TEST(SchemaJson, HoldsEveryKey) {
  const Json json = schema_json();
  ASSERT_EQ(json.size(), schema().size());
  EXPECT_EQ(json[0]["key"], "run.seed");
  EXPECT_EQ(json[0]["default"], 1);
}

TEST(Reference, ThePageInTheRepositoryIsCurrent) {
  EXPECT_EQ(io::read_text(kSource / "docs/config.md", 1 << 20), reference_markdown())
      << "run: enas_hpc config --defaults --markdown > docs/config.md";
}

TEST(Reference, BarsDoNotBreakTables) {
  const std::string page = reference_markdown();
  std::size_t start = page.find("\n| `");
  ASSERT_NE(start, std::string::npos);
  while (start != std::string::npos) {
    const std::string row = page.substr(start + 1, page.find('\n', start + 1) - start - 1);
    int bars = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i] == '|' && (i == 0 || row[i - 1] != '\\')) ++bars;
    }
    EXPECT_EQ(bars, 7) << row;
    start = page.find("\n| `", start + 1);
  }
}

TEST(Configs, TheShippedOnesAreValid) {
  for (const char* name : {"demo", "ptb", "ptb_cluster"}) {
    const auto file = kSource / "configs" / (std::string(name) + ".toml");
    const Refusal refused =
        refusal_of([&] { read_config(io::read_text(file, 1 << 20), name, {}); });
    EXPECT_EQ(refused.message, "");
  }
  const auto ptb =
      read_config(io::read_text(kSource / "configs/ptb.toml", 1 << 20), "ptb", {}).settings;
  EXPECT_EQ(ptb.weights.slots, 2);
  EXPECT_EQ(ptb.weights.batch_size, 32);
  EXPECT_EQ(ptb.weights.segments.segment_length, 35);
  EXPECT_EQ(ptb.space.nodes, 12);
  EXPECT_EQ(ptb.supernet.hidden, 200);
}

}  // namespace
}  // namespace enas::app
