// SPDX-License-Identifier: Apache-2.0
// Forms of other programs: round trips, and what each refuses to carry.
#include "space/formats/formats.hpp"

#include <gtest/gtest.h>

#include "unit/space/published.hpp"
#include "unit/space/random_views.hpp"
#include "unit/space/refusal.hpp"

namespace enas::space {
namespace {

using enum ArchitectureFormat;

/// A fixed and a sampled tanh are the same network; programs know only one of them.
TypedView without_flag(TypedView view) {
  if (auto* cell = std::get_if<RecurrentCell>(&view)) cell->first_node = FirstNode::sampled;
  return view;
}

/// There and back; also the second text is the first.
void expect_round_trip(ArchitectureFormat format, const ArchitectureFile& file) {
  const std::string text = export_architecture(format, file);
  const auto back = import_architecture(format, kind_of(file.network), text, "text");
  EXPECT_EQ(without_flag(back.network), without_flag(file.network)) << text;
  EXPECT_EQ(export_architecture(format, back), text);
}

std::string refusal(ArchitectureFormat format, const ArchitectureFile& file) {
  return refusal_of([&] { export_architecture(format, file); });
}

std::string import_refusal(ArchitectureFormat format, std::optional<SpaceKind> space,
                           std::string_view text) {
  return refusal_of([&] { import_architecture(format, space, text, "my.txt"); });
}

/// Which formats carry what is shipped.
const std::map<std::string, std::vector<ArchitectureFormat>> kCarriers = {
    {"darts-enas-micro", {json, tf, darts, nni}},
    {"darts-enas-recurrent", {json, tf, enas_lm, darts, carpedm20}},
    {"darts-v2-recurrent", {json, darts}},
    {"enas-lm", {json, tf, enas_lm, darts, carpedm20}},
    {"enas-macro", {json, tf}},
    {"enas-micro", {json, tf, darts, nni}},
    {"enas-ptb", {json, tf, enas_lm, darts, carpedm20}}};

TEST(Formats, EveryPublishedArchitectureGoesThroughEachFormatThatCanCarryIt) {
  for (const auto& [name, carriers] : kCarriers) {
    SCOPED_TRACE(name);
    const auto file = load_architecture(name);
    for (const auto& format : architecture_format_names()) {
      SCOPED_TRACE(format);
      const auto as = architecture_format_from_name(format);
      if (std::find(carriers.begin(), carriers.end(), as) != carriers.end()) {
        expect_round_trip(as, file);
      } else {
        EXPECT_NE(refusal(as, file), "accepted");
      }
    }
  }
}

TEST(Formats, OthersSayWhyTheyCannotCarryAnArchitecture) {
  const auto macro = load_architecture("enas-macro");
  const auto micro = load_architecture("enas-micro");
  const auto ptb = load_architecture("enas-ptb");
  const auto v2 = load_architecture("darts-v2-recurrent");
  expect_words(refusal(darts, macro), {"macro", "no form in darts", "cells"});
  expect_words(refusal(enas_lm, micro), {"micro", "no form in enas_lm", "recurrent cells"});
  expect_words(refusal(carpedm20, macro), {"macro", "carpedm20", "recurrent cells"});
  expect_words(refusal(nni, ptb), {"recurrent", "nni", "micro cells"});
  expect_words(refusal(tf, v2), {"1 2 3 4 5 6 7 8", "loose ends 4 6 7 8", "no place for outputs"});
  expect_words(refusal(enas_lm, v2), {"no place for outputs"});
  expect_words(refusal(carpedm20, v2), {"dag.json", "nobody reads"});

  const auto relu = import_architecture(tf, SpaceKind::recurrent, "1 0 2", "relu");
  EXPECT_EQ(refusal(carpedm20, relu), "accepted");
  for (const auto format : {darts, enas_lm}) {
    expect_words(refusal(format, relu), {"node 0 applies relu", "fixed tanh"});
  }
  const auto one = import_architecture(tf, SpaceKind::recurrent, "0", "one");
  for (const auto format : {darts, enas_lm}) {
    expect_words(refusal(format, one), {"no other node"});
  }
  // Node 1 is unread, and NNI would leave it out.
  const auto unread = import_architecture(tf, SpaceKind::micro, "0 0 0 0 0 0 0 0", "unread");
  expect_words(refusal(nni, unread), {"normal", "1 2", "never the two inputs", "would be 2"});
}

TEST(Formats, RandomArchitecturesGoThroughEachFormat) {
  RandomSpaces random(3);
  for (int repeat = 0; repeat < 100; ++repeat) {
    RecurrentSpaceOptions recurrent = random.recurrent();
    recurrent.activations = RecurrentSpaceOptions{}.activations;
    RecurrentCell cell = recurrent_cell(recurrent, random.in(recurrent_space(recurrent)));
    for (const auto format : {json, tf, carpedm20}) expect_round_trip(format, {.network = cell});
    cell.nodes[0] = recurrent_node(-1, Activation::tanh);
    for (const auto format : {enas_lm, darts}) expect_round_trip(format, {.network = cell});
    name_outputs(cell, {random.below(recurrent.nodes)});
    for (const auto format : {json, darts}) expect_round_trip(format, {.network = cell});

    const MacroSpaceOptions macro = {.layers = 1 + random.below(14)};
    const MacroNet net = macro_net(macro, random.in(macro_space(macro)));
    for (const auto format : {json, tf}) expect_round_trip(format, {.network = net});

    const MicroSpaceOptions micro = {.nodes = 3 + random.below(6)};
    MicroNet cells = micro_net(micro, random.in(micro_space(micro)));
    for (const auto format : {json, tf, darts}) expect_round_trip(format, {.network = cells});
    for (MicroCell* each : {&cells.normal, &cells.reduction}) {
      std::vector<int> outputs = each->loose_ends();
      std::erase_if(outputs, [](int node) { return node < 2; });
      name_outputs(*each, outputs);
    }
    for (const auto format : {json, darts, nni}) expect_round_trip(format, {.network = cells});
  }
}

TEST(Formats, CodesTwoAndThreeMeanDifferentFunctionsInTheAuthorsTwoPrograms) {
  const auto tf_cell = import_architecture(tf, SpaceKind::recurrent, "0 0 2 1 3", "a");
  const auto lm_cell = import_architecture(enas_lm, {}, "0 3 1 2", "b");
  EXPECT_EQ(without_flag(tf_cell.network), without_flag(lm_cell.network));
  EXPECT_EQ(std::get<RecurrentCell>(lm_cell.network).first_node, FirstNode::tanh);
  EXPECT_EQ(std::get<RecurrentCell>(tf_cell.network).first_node, FirstNode::sampled);
  // The second cell of DARTS as enas_lm's code writes it.
  auto v2 = std::get<RecurrentCell>(load_architecture("darts-v2-recurrent").network);
  v2.named_outputs.clear();
  EXPECT_EQ(export_architecture(enas_lm, {.network = v2}), "0 2 1 1 1 1 1 3 2 0 5 2 3 0 5 1\n");
}

TEST(Formats, TakesStringsAsPeopleHaveThem) {
  const auto network = load_architecture("enas-ptb").network;
  for (const std::string_view text : {"[0 0 0 1 1 2 1 2 0 2 0 5 1\n 1 0 6 1 8 1 8 1 8 1]\n",
                                      "\"0|0 0|1 1|2 1|2 0|2 0|5 1|1 0|6 1|8 1|8 1|8 1\"",
                                      "[0, 0, 0,1,1,2,1,2,0,2,0,5,1,1,0,6,1,8,1,8,1,8,1]",
                                      "\r\n\t"
                                      "0 0 0 1 1 2 1 2 0 2 0 5 1 1 "
                                      "0 6 1 8 1 8 1 8 1",
                                      "\xEF\xBB\xBF"
                                      "0 0\u00A00 1\u30001 2 1 2 0 2 0 5 1 1\u2003"
                                      "0 6 1 8 1 8 1 8 1\r"}) {
    EXPECT_EQ(import_architecture(tf, SpaceKind::recurrent, text, "text").network, network);
  }
}

TEST(Formats, AnyWhiteSpaceAndAByteOrderMarkAreReadOver) {
  const std::string mark = "\xEF\xBB\xBF";
  std::string genotype = mark;
  for (const char c : kDartsV2Recurrent) genotype += c == ' ' ? "\u00A0" : std::string(1, c);
  EXPECT_EQ(import_architecture(darts, {}, genotype, "a").network,
            load_architecture("darts-v2-recurrent").network);
  const auto network = load_architecture("enas-lm").network;
  for (const auto format : {enas_lm, carpedm20, json}) {
    const auto text = mark + export_architecture(format, load_architecture("enas-lm"));
    EXPECT_EQ(without_flag(import_architecture(format, {}, text, "b").network),
              without_flag(network));
  }
}

TEST(Formats, SaysWhatIsWrongWithAString) {
  const auto recurrent = SpaceKind::recurrent;
  expect_words(import_refusal(tf, {}, "0"), {"my.txt", "--space", "recurrent, macro or micro"});
  expect_words(import_refusal(tf, recurrent, "0 0"), {"my.txt", "2 numbers", "2N-1", "enas_lm"});
  expect_words(import_refusal(tf, recurrent, ""), {"0 numbers"});
  expect_words(import_refusal(tf, recurrent, "0 0 4"), {"node 1 function", "is 4", "0 and 3"});
  expect_words(import_refusal(tf, recurrent, "0 1 0"), {"node 1 previous", "is 1"});
  expect_words(import_refusal(tf, recurrent, "0 0 x"), {"my.txt", "'x' after 2 tokens"});
  expect_words(import_refusal(tf, SpaceKind::macro, "0 0"), {"2 numbers", "L(L+1)/2"});
  expect_words(import_refusal(tf, SpaceKind::macro, ""), {"0 numbers"});
  expect_words(import_refusal(tf, SpaceKind::macro, "0 0 2"), {"layer 1 skip 0", "is 2"});
  expect_words(import_refusal(tf, SpaceKind::micro, "0 0 0 0"), {"4 numbers", "8 a node"});
  expect_words(import_refusal(tf, SpaceKind::micro, "0 0 0 0 0 5 0 0"), {"reduction", "is 5"});
  expect_words(import_refusal(enas_lm, {}, "0 0 0"), {"3 numbers", "2n", "tf"});
  std::string many = "0";
  for (int i = 0; i < 1000; ++i) many += " 0 0";
  expect_words(import_refusal(tf, recurrent, many), {"1001 nodes", "1000"});
}

TEST(Formats, ASpaceThatIsNamedMustBeTheRightOne) {
  expect_words(import_refusal(darts, SpaceKind::micro, kDartsV2Recurrent),
               {"my.txt", "recurrent", "--space says micro"});
  EXPECT_EQ(import_refusal(darts, SpaceKind::recurrent, kDartsV2Recurrent), "accepted");
  EXPECT_EQ(import_refusal(darts, {}, kDartsEnasMicro), "accepted");
  expect_words(refusal_of([] { architecture_format_from_name("tensorflow"); }),
               {"tensorflow", "json, tf, enas_lm, darts, nni, carpedm20"});
}

TEST(Formats, KeepsWhatElseNniChose) {
  Json json = Json::parse(export_architecture(nni, load_architecture("enas-micro")));
  EXPECT_EQ(json.at("normal/op_3_0"), "skip_connect");
  EXPECT_EQ(json.at("reduce/input_4_1"), Json::array({3}));
  json["reduce/input_4_1"] = 3;  // version 2 writes the node itself at times
  json["width"] = 16;
  json["depth"] = 20;
  const auto file = import_architecture(nni, {}, json.dump(), "nni");
  EXPECT_EQ(file.network, load_architecture("enas-micro").network);
  EXPECT_EQ(file.origin.dump(), R"({"nni":{"width":16,"depth":20}})");
}

TEST(Formats, SaysWhatIsWrongWithAnObjectOfNni) {
  const Json good = Json::parse(export_architecture(nni, load_architecture("enas-micro")));
  const auto with = [&](const char* key, const Json& value) {
    Json json = good;
    json[key] = value;
    return import_refusal(nni, {}, json.dump());
  };
  EXPECT_EQ(with("width", 16), "accepted");
  expect_words(with("normal/op_2_0", "sep_conv_7x7"), {"normal/op_2_0", "sep_conv_5x5"});
  expect_words(with("normal/input_2_0", Json::array({2})), {"normal/input_2_0[0] is 2", "0 to 1"});
  expect_words(with("normal/input_2_0", Json::array({0, 1})), {"normal/input_2_0", "length 1"});
  expect_words(with("normal/op_7_1", "skip_connect"), {"unknown key \"normal/op_7_1\""});
  Json half = good;
  half.erase("reduce/op_6_1");
  expect_words(import_refusal(nni, {}, half.dump()), {"reduce/op_6_1 is missing"});
  for (const char* key : {"op_6_0", "op_6_1", "input_6_0", "input_6_1"}) {
    half.erase(std::string("reduce/") + key);
  }
  expect_words(import_refusal(nni, {}, half.dump()), {"same number of nodes"});
  expect_words(import_refusal(nni, {}, "[]"), {"an object"});
}

TEST(Formats, SaysWhatIsWrongWithADag) {
  const auto with = [](const char* key, const char* value) {
    Json json = Json::parse(kCarpedm20Dag);
    json[key] = Json::parse(value);
    return import_refusal(carpedm20, {}, json.dump());
  };
  EXPECT_EQ(with("-1", R"([[0, "TANH"]])"), "accepted");
  expect_words(with("-1", R"([[0, "softsign"]])"), {"-1[0]", "softsign", "sigmoid"});
  expect_words(with("-2", R"([[0, "relu"]])"), {"-1 and -2", "same function"});
  expect_words(with("-2", R"([[1, "tanh"]])"), {"-2[0][0] is 1", "0"});
  expect_words(with("0", R"([[0, "tanh"]])"), {"0[0][0] is 0", "a later node"});
  expect_words(with("0", R"([[2, "tanh"]])"), {"1[0][0]", "node 2 already reads node 0"});
  expect_words(with("7", R"([[9, "relu"]])"), {"node 9 already reads node 7"});
  expect_words(with("4", R"([[12, "avg"]])"), {"nobody lists node 7"});
  expect_words(with("4", R"([[7, "relu"], [12, "avg"]])"), {"4[1]", "nobody else reads"});
  expect_words(with("3", R"([[13, "avg"]])"), {"3[0][0] is 13", "the average: 12"});
  expect_words(with("12", R"([[13, "out"]])"), {"h[t]"});
  expect_words(with("3", R"([[12]])"), {"3[0]: 1 item", "a pair"});
  expect_words(with("x", R"([])"), {"x"});
  expect_words(import_refusal(carpedm20, {}, "{}"), {"0 keys", "N+3"});
}

TEST(Formats, SaysWhatIsWrongWithAGenotype) {
  const auto with = [](std::string_view from, std::string_view to) {
    std::string text(kDartsEnasMicro);
    text.replace(text.find(from), from.size(), to);
    return import_refusal(darts, {}, text);
  };
  EXPECT_EQ(with("(\"sep_conv_3x3\", 0)", "['sep_conv_3x3',0,]"), "accepted");
  expect_words(with("(\"sep_conv_3x3\", 0)", "('sep_conv_7x7', 0)"),
               {"normal[1][0] is \"sep_conv_7x7\"", "skip_connect", "operation of DARTS"});
  expect_words(with("(\"sep_conv_3x3\", 0)", "('none', 0)"), {"normal[1][0] is \"none\""});
  expect_words(with("(\"sep_conv_3x3\", 0)", "('sep_conv_3x3', 2)"),
               {"normal[1][1] is 2", "0 to 1"});
  expect_words(with("(\"sep_conv_3x3\", 0)", "('sep_conv_3x3')"), {"normal[1]: 1 item"});
  expect_words(with("(\"sep_conv_3x3\", 0), ", ""), {"normal: 9 pairs", "two"});
  expect_words(with("(2, 4, 5, 6)", "(2, 4, 5, 7)"), {"reduce_concat[3] is 7"});
  expect_words(with("(2, 4, 5, 6)", "()"), {"reduce_concat is []"});
  expect_words(with("(2, 4, 5, 6)", "range(9)"), {"reduce_concat[7] is 7"});
  expect_words(with("reduce_concat", "reduced_concat"), {"reduced_concat", "did you mean"});
  expect_words(with("range(2, 7)", "list(2, 7)"),
               {"my.txt:4:68", "one value in list(...)", "'list(2, 7)"});
  expect_words(with("range(2, 7)", "range('2')"), {"range(begin, end)", "'('2')"});
  expect_words(with("range(2, 7)", "range(1000000000)"), {"range(begin, end)"});
  expect_words(with("normal=", ""), {"my.txt:2:", "a name, as in normal="});
  expect_words(with("range(2, 7),", "[2, 3"), {"expected ',' or ']'"});
  expect_words(with("\"avg_pool_3x3\"", "\"avg_pool_3x3"), {"my.txt:2:33", "expected ',' or ')'"});
  expect_words(import_refusal(darts, {}, "Genotype(a='b"), {"does not end", "my.txt:1:"});
  expect_words(import_refusal(darts, {}, "Genotype(a=[[[[[[[[[[[[[[[["), {"brackets"});
  expect_words(import_refusal(darts, {}, "Genotype(a=1, a=2)"), {"'a' is given twice"});
  expect_words(import_refusal(darts, {}, "normal=[]"), {"my.txt has no genotype"});
  expect_words(import_refusal(darts, {}, "Genotype()"), {"normal is missing"});
  expect_words(import_refusal(darts, {}, "Genotype(recurrent=[('tanh', 1)], concat=[1])"),
               {"recurrent[0][1] is 1", "an earlier state: 0"});
  expect_words(import_refusal(darts, {}, "Genotype(recurrent=[('none', 0)], concat=[1])"),
               {"recurrent[0][0] is \"none\""});
}

}  // namespace
}  // namespace enas::space
