// SPDX-License-Identifier: Apache-2.0
// The native format: shipped files, text that is the same to the byte, names and missing files.
#include "space/architecture_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "space/json_place.hpp"
#include "unit/space/published.hpp"
#include "unit/space/random_views.hpp"
#include "unit/space/refusal.hpp"

namespace enas::space {
namespace {

ArchitectureFile read_back(const ArchitectureFile& file) {
  const std::string text = architecture_text(file);
  return architecture_from_json(json_from_text(text, "text"), "text");
}

TEST(ArchitectureFile, ShippedFilesAreWhatTheImportersMakeOfThePublishedTexts) {
  ASSERT_EQ(shipped_architectures().size(), kPublished.size());
  for (std::size_t i = 0; i < kPublished.size(); ++i) {
    const auto& shipped = shipped_architectures()[i];
    EXPECT_EQ(shipped.name, kPublished[i].name);
    EXPECT_EQ(shipped.text, architecture_text(kPublished[i].file())) << shipped.name;
    const auto loaded = load_architecture(std::string(shipped.name));
    EXPECT_EQ(loaded.network, kPublished[i].file().network) << shipped.name;
    EXPECT_EQ(architecture_text(loaded), shipped.text) << shipped.name;
  }
}

TEST(ArchitectureFile, PublishedNetworksHaveTheirKnownFeatures) {
  const auto ptb = std::get<RecurrentCell>(load_architecture("enas-ptb").network);
  EXPECT_EQ(ptb.loose_ends(), (std::vector<int>{3, 4, 7, 9, 10, 11}));
  const auto darts = std::get<RecurrentCell>(load_architecture("darts-enas-recurrent").network);
  EXPECT_EQ(darts.outputs(), (std::vector<int>{2, 5, 6, 9, 10, 11}));
  EXPECT_TRUE(darts.named_outputs.empty());
  const auto v2 = std::get<RecurrentCell>(load_architecture("darts-v2-recurrent").network);
  EXPECT_EQ(v2.named_outputs, (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(std::get<RecurrentCell>(load_architecture("enas-lm").network).text(),
            "0:tanh 1:sigmoid(0) 2:tanh(1) 3:relu(2) 4:sigmoid(2) 5:tanh(4) 6:tanh(5) 7:sigmoid(3) "
            "8:sigmoid(6) | mean 7 8");
  const auto micro = std::get<MicroNet>(load_architecture("enas-micro").network);
  EXPECT_EQ(micro.normal.loose_ends(), (std::vector<int>{2, 3, 4, 5, 6}));
  EXPECT_EQ(micro.reduction.loose_ends(), (std::vector<int>{2, 4, 5, 6}));
  EXPECT_EQ(micro, std::get<MicroNet>(load_architecture("darts-enas-micro").network));

  const auto macro = std::get<MacroNet>(load_architecture("enas-macro").network);
  std::size_t skips = 0;
  std::map<Operation, int> counts;
  for (const auto& layer : macro.layers) {
    skips += layer.skips.size();
    ++counts[layer.operation];
  }
  EXPECT_EQ(macro.layers.size(), 24U);
  EXPECT_EQ(skips, 98U);
  EXPECT_EQ(counts, (std::map<Operation, int>{{Operation::conv_3x3, 8},
                                              {Operation::sep_conv_3x3, 2},
                                              {Operation::conv_5x5, 9},
                                              {Operation::sep_conv_5x5, 5}}));
}

/// The same for cells that differ in the order of their nodes alone.
std::string shape_of(const RecurrentCell& cell, int node) {
  std::vector<std::string> readers;
  for (std::size_t i = 1; i < cell.nodes.size(); ++i) {
    if (cell.nodes[i].previous == node) readers.push_back(shape_of(cell, static_cast<int>(i)));
  }
  std::sort(readers.begin(), readers.end());
  const auto outputs = cell.outputs();
  std::string shape(name_of(cell.nodes[static_cast<std::size_t>(node)].activation));
  if (std::count(outputs.begin(), outputs.end(), node) > 0) shape += "*";
  for (const auto& reader : readers) shape += "(" + reader + ")";
  return shape;
}

TEST(ArchitectureFile, ThreeProgramsPublishedTheSameCell) {
  const auto ptb = std::get<RecurrentCell>(load_architecture("enas-ptb").network);
  const auto darts = std::get<RecurrentCell>(load_architecture("darts-enas-recurrent").network);
  const auto dag = std::get<RecurrentCell>(
      import_architecture(ArchitectureFormat::carpedm20, {}, kCarpedm20Dag, "dag.json").network);
  const auto lm = std::get<RecurrentCell>(load_architecture("enas-lm").network);
  EXPECT_NE(ptb.nodes, darts.nodes);
  EXPECT_EQ(shape_of(ptb, 0), shape_of(darts, 0));
  EXPECT_EQ(shape_of(ptb, 0), shape_of(dag, 0));
  EXPECT_NE(shape_of(ptb, 0), shape_of(lm, 0));
}

TEST(ArchitectureFile, ComesBackEqualWhateverTheArchitecture) {
  RandomSpaces random(2);
  for (int repeat = 0; repeat < 100; ++repeat) {
    const auto recurrent = random.recurrent();
    const auto tokens = random.in(recurrent_space(recurrent));
    const auto cell = read_back({.network = recurrent_cell(recurrent, tokens)});
    EXPECT_EQ(tokens_of(recurrent, std::get<RecurrentCell>(cell.network)), tokens);
    const auto macro = random.macro();
    const auto layers = random.in(macro_space(macro));
    const auto net = read_back({.network = macro_net(macro, layers)});
    EXPECT_EQ(tokens_of(macro, std::get<MacroNet>(net.network)), layers);
    const auto micro = random.micro();
    const auto cells = random.in(micro_space(micro));
    const auto pair = read_back({.network = micro_net(micro, cells)});
    EXPECT_EQ(tokens_of(micro, std::get<MicroNet>(pair.network)), cells);
  }
}

TEST(ArchitectureFile, KeepsNameOriginMetricsAndNamedOutputs) {
  ArchitectureFile file = load_architecture("enas-micro");
  name_outputs(std::get<MicroNet>(file.network).normal, {0, 6});
  file.name = "of \"mine\"";
  file.origin = {{"seed", 7}, {"configuration_digest", "0f"}, {"program_version", "0.1.0"}};
  file.metrics = {{"metric", "accuracy"}, {"accuracy", 0.8125}, {"rank", nullptr}};
  const auto back = read_back(file);
  EXPECT_EQ(back.network, file.network);
  EXPECT_EQ(back.name, file.name);
  EXPECT_EQ(back.origin, file.origin);
  EXPECT_EQ(back.metrics, file.metrics);
  EXPECT_EQ(architecture_text(back), architecture_text(file));
}

TEST(ArchitectureFile, TextHasAFixedForm) {
  const RecurrentCell cell = {
      .nodes = {recurrent_node(-1, Activation::tanh), recurrent_node(0, Activation::relu)}};
  EXPECT_EQ(architecture_text({.network = cell, .name = "two", .metrics = {{"perplexity", 80.5}}}),
            R"({
  "format": "enas_hpc architecture",
  "version": 1,
  "name": "two",
  "space": "recurrent",
  "nodes": [{"node": 0, "function": "tanh"}, {"node": 1, "previous": 0, "function": "relu"}],
  "loose_ends": [1],
  "first_node": "sampled",
  "outputs": "loose_ends",
  "metrics": {"perplexity": 80.5}
}
)");
}

TEST(ArchitectureFile, ReadsTheBestOfASearch) {
  const std::string best = R"({
    "format": "enas_hpc best", "format_version": 1, "space": "recurrent/3", "metric": "perplexity",
    "perplexity": 2.5, "limit": null, "scored_on": "20 segments", "step": 9, "text": "…",
    "architecture": {"space": "recurrent", "nodes": [{"node": 0, "function": "relu"},
      {"node": 1, "previous": 0, "function": "tanh"}, {"node": 2, "previous": 0,
      "function": "sigmoid"}], "loose_ends": [1, 2], "first_node": "sampled"},
    "tokens": [1, 0, 0, 0, 3], "strategy": "random", "seed": 5, "program_version": "0.1.0",
    "git_revision": "abc"})";
  const auto file = architecture_from_json(json_from_text(best, "best.json"), "best.json");
  EXPECT_EQ(std::get<RecurrentCell>(file.network).text(),
            "0:relu 1:tanh(0) 2:sigmoid(0) | mean 1 2");
  EXPECT_EQ(file.origin.dump(), R"({"strategy":"random","seed":5,"step":9,)"
                                R"("program_version":"0.1.0","git_revision":"abc"})");
  EXPECT_EQ(file.metrics.dump(),
            R"({"metric":"perplexity","perplexity":2.5,"scored_on":"20 segments"})");
}

TEST(ArchitectureFile, AFileComesBeforeAName) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "enas_architecture_file";
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "cell.json").string();
  std::ofstream(path) << architecture_text(load_architecture("enas-lm"));
  EXPECT_EQ(load_architecture(path).network, load_architecture("enas-lm").network);
  expect_words(refusal_of([&] { load_architecture(folder.string()); }), {"plain file"});
  std::ofstream(path) << "{";
  expect_words(refusal_of([&] { load_architecture(path); }), {path, "line 1"});
  std::ofstream(path) << "Genotype(normal=[('sep_conv_3x3', 1)], normal_concat=[2])";
  expect_words(refusal_of([&] { load_architecture(path); }),
               {"no JSON", "enas_hpc arch convert " + path + " --from FORMAT --to json"});
  std::filesystem::remove_all(folder);
  try {
    load_architecture("enas-ptp");
    ADD_FAILURE() << "accepted";
  } catch (const InputError& error) {
    EXPECT_EQ(error.code(), ExitCode::missing_input);
    expect_words(error.what(), {"'enas-ptp'", "did you mean enas-ptb?", "enas-macro"});
  }
}

}  // namespace
}  // namespace enas::space
