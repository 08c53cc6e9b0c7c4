// SPDX-License-Identifier: Apache-2.0
#include "app/config/config_text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "app/config/presets.hpp"
#include "app/config/reference_page.hpp"
#include "app/config/schema.hpp"
#include "core/text.hpp"
#include "io/durable_file.hpp"
#include "unit/app/config/config_helpers.hpp"

namespace enas::app {
namespace {

const std::filesystem::path kSource = ENAS_SOURCE_FOLDER;

constexpr std::array kKinds = {Scope::recurrent, Scope::macro, Scope::micro, Scope::table};

void expect_same(const Settings& one, const Settings& other) {
  ASSERT_EQ(scope_of(one), scope_of(other));
  for (const Key& key : schema()) {
    if (!key.belongs_to(scope_of(one))) continue;
    EXPECT_EQ(key.value_in(one), key.value_in(other)) << key.name;
  }
}

TEST(ConfigRecord, ParsesBackToTheSameSettings) {
  for (const Scope kind : kKinds) {
    for (const auto& preset : preset_names()) {
      SCOPED_TRACE(concat(name_of(kind), " ", preset));
      Settings settings = preset_settings(preset, kind);
      settings.evaluation.table = "a table";
      settings.data.path = "a folder/with \"quotes\" \\ and\ttabs";
      settings.weights.lr = 1.0 / 3.0;
      settings.reinforce.entropy_weight = 1.2345678901234567e-11;
      settings.space.recurrent.activations = {space::Activation::sigmoid, space::Activation::tanh};
      settings.space.macro.operations = {space::Operation::max_pool_3x3};
      settings.space.micro.operations = {space::Operation::identity,
                                         space::Operation::sep_conv_5x5};
      expect_same(read(config_record(settings, preset).toml).settings, settings);
    }
  }
}

TEST(ConfigRecord, HasTheKeysOfItsKindAlone) {
  for (const Scope kind : kKinds) {
    const auto record = config_record(preset_settings("default", kind), "default");
    std::size_t expected = 0;
    for (const Key& key : schema()) expected += key.belongs_to(kind) ? 1 : 0;
    EXPECT_EQ(record.entries.size(), expected);
    const auto has = [&](std::string_view name) {
      return std::any_of(record.entries.begin(), record.entries.end(),
                         [&](const auto& entry) { return entry.key == name; });
    };
    EXPECT_EQ(has("supernet.hidden"), kind == Scope::recurrent);
    EXPECT_EQ(has("controller.skip_target"), kind == Scope::macro);
    EXPECT_EQ(has("supernet.cells"), kind == Scope::micro);
    EXPECT_EQ(has("data.pad"), is_of_images(kind));
    EXPECT_EQ(has("evaluation.table"), kind == Scope::table);
    EXPECT_EQ(has("weights.lr"), kind != Scope::table);
    EXPECT_TRUE(has("space.kind"));
    EXPECT_EQ(record.toml.find("[data.markov]") != std::string::npos, kind == Scope::recurrent);
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

TEST(Defaults, AreAConfigurationWithACommentForEveryKeyOfTheKind) {
  for (const Scope kind : kKinds) {
    const std::string text = defaults_toml(kind);
    const std::string path = kind == Scope::table ? "evaluation.table=x" : "data.path=x";
    expect_same(read(text, {path}).settings,
                read("", {path, kind == Scope::table ? "search.evaluation=table"
                                                     : concat("space.kind=", name_of(kind))})
                    .settings);
    for (const Key& key : schema()) {
      const bool is_there = text.find("# " + key.help) != std::string::npos &&
                            text.find(concat("\n", key.short_name(), " = ")) != std::string::npos;
      EXPECT_EQ(is_there, key.belongs_to(kind)) << key.name;
    }
  }
}

TEST(Defaults, TakeTheKindFromSetAndNothingElse) {
  EXPECT_EQ(scope_of_sets({}), Scope::recurrent);
  EXPECT_EQ(scope_of_sets({"space.kind=macro", "space.kind=micro"}), Scope::micro);
  EXPECT_EQ(scope_of_sets({"search.evaluation=table"}), Scope::table);
  EXPECT_EQ(refusal_of([] { scope_of_sets({"space.kind=big"}); }).code, ExitCode::bad_data);
  const Refusal other = refusal_of([] { scope_of_sets({"weights.lr=1"}); });
  EXPECT_EQ(other.code, ExitCode::usage);
  EXPECT_EQ(other.message,
            "--set weights.lr=1: only space.kind and search.evaluation change the defaults");
}

TEST(Explain, SaysWhatAKeyIs) {
  const std::string text = explain("controller.lr");
  EXPECT_NE(text.find("Learning rate of Adam."), std::string::npos);
  EXPECT_NE(text.find("  recurrent: default 5e-5, paper 0.00035, released 5e-5\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("  micro: default 0.0035, paper 0.00035, released 0.0035\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(explain_json("controller.lr")["values"]["recurrent"]["paper"], 3.5e-4);
  EXPECT_FALSE(explain_json("supernet.cells")["values"].contains("macro"));
  EXPECT_EQ(explain("supernet.cells").find("macro"), std::string::npos);
  EXPECT_NE(explain("preset").find("\"released\", micro: "), std::string::npos);
}

TEST(Explain, UnknownKeysAreUsageErrorsWithTheNearestName) {
  const Refusal near = refusal_of([] { explain("weights.slot"); });
  EXPECT_EQ(near.code, ExitCode::usage);
  EXPECT_EQ(near.message, "unknown key weights.slot; did you mean weights.slots?");
  EXPECT_EQ(refusal_of([] { explain("slots"); }).message,
            "unknown key slots; did you mean weights.slots?");
  EXPECT_EQ(refusal_of([] { explain("slot"); }).message,
            "unknown key slot; did you mean weights.slots?");
  EXPECT_EQ(refusal_of([] { explain("wieghts.slots"); }).message,
            "unknown key wieghts.slots; did you mean weights.slots?");
  EXPECT_EQ(refusal_of([] { explain("weights.lr_max"); }).message, "unknown key weights.lr_max");
  EXPECT_EQ(refusal_of([] { explain("qqqqqqqqqqqq"); }).message, "unknown key qqqqqqqqqqqq");
}

TEST(SchemaJson, HoldsEveryKey) {
  const Json json = schema_json();
  ASSERT_EQ(json.size(), schema().size());
  EXPECT_EQ(json[0]["key"], "run.seed");
  EXPECT_EQ(json[0]["values"]["macro"]["default"], 1);
}

TEST(Reference, ThePageInTheRepositoryIsCurrent) {
  EXPECT_EQ(io::read_text(kSource / "docs/config.md", 1 << 20), reference_markdown())
      << "run: enas_hpc config --defaults --markdown > docs/config.md";
}

TEST(Reference, BarsDoNotBreakTables) {
  const std::string page = reference_markdown();
  const auto presets = page.find("\n## Presets\n");
  std::size_t start = page.find("\n| `");
  ASSERT_LT(start, presets);
  ASSERT_NE(presets, std::string::npos);
  while (start != std::string::npos) {
    const std::string row = page.substr(start + 1, page.find('\n', start + 1) - start - 1);
    int bars = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i] == '|' && (i == 0 || row[i - 1] != '\\')) ++bars;
    }
    EXPECT_EQ(bars, start < presets ? 8 : 5) << row;
    start = page.find("\n| `", start + 1);
  }
}

TEST(Reference, ShowsTheDefaultOfEveryKindAndWhatPresetsChange) {
  const std::string page = reference_markdown();
  EXPECT_NE(page.find("| `filters` | – | `36` | `20` | – | integer"), std::string::npos);
  EXPECT_NE(page.find("| `hidden` | `200` | – | – | – | integer"), std::string::npos);
  const std::string macro = page.substr(page.find("\n### macro\n"));
  EXPECT_NE(macro.find("| `weights.slots` | `2` | `1` | `1` |"), std::string::npos);
  EXPECT_EQ(macro.find("| `run.seed`"), std::string::npos);  // no preset changes it
}

Settings shipped(const std::string& name) {
  return read_config(io::read_text(kSource / "configs" / (name + ".toml"), 1 << 20), name, {})
      .settings;
}

TEST(Configs, AllOfTheFolderAreValid) {
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kSource / "configs")) {
    if (entry.path().extension() != ".toml") continue;
    const std::string name = entry.path().stem();
    EXPECT_EQ(refusal_of([&] { shipped(name); }).message, "");
    ++found;
  }
  EXPECT_EQ(found, 10);
}

TEST(Configs, PtbIsAsDescribed) {
  const Settings ptb = shipped("ptb");
  EXPECT_EQ(ptb.weights.slots, 2);
  EXPECT_EQ(ptb.weights.batch_size, 32);
  EXPECT_EQ(ptb.weights.segments.segment_length, 35);
  EXPECT_EQ(ptb.space.recurrent.nodes, 12);
  EXPECT_EQ(ptb.supernet.recurrent.hidden, 200);
}

TEST(Configs, CifarOnesHaveTheirSlotsAndBatches) {
  struct Expected {
    std::string name;
    Scope kind;
    int slots;
    int batch_size;
  };
  const std::vector<Expected> all = {{"cifar", Scope::macro, 8, 32},
                                     {"cifar_micro", Scope::micro, 8, 32},
                                     {"cifar_paper", Scope::macro, 1, 128},
                                     {"cifar_micro_paper", Scope::micro, 1, 160}};
  for (const Expected& expected : all) {
    SCOPED_TRACE(expected.name);
    const Settings settings = shipped(expected.name);
    EXPECT_EQ(scope_of(settings), expected.kind);
    EXPECT_EQ(settings.weights.slots, expected.slots);
    EXPECT_EQ(settings.weights.batch_size, expected.batch_size);
    EXPECT_EQ(settings.data.source, task::DataSource::cifar10);
    EXPECT_EQ(settings.data.path, "data/cifar-10-batches-bin");
  }
}

}  // namespace
}  // namespace enas::app
