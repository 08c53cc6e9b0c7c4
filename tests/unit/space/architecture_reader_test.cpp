// SPDX-License-Identifier: Apache-2.0
// Hand-written files: what may be left out, and what a wrong one is told.
#include <gtest/gtest.h>

#include "space/architecture_file.hpp"
#include "space/json_place.hpp"
#include "unit/space/refusal.hpp"

namespace enas::space {
namespace {

ArchitectureFile read(const std::string& text) {
  return architecture_from_json(json_from_text(text, "my.json"), "my.json");
}

std::string with_head(const std::string& rest) {
  return R"({"format": "enas_hpc architecture", "version": 1, )" + rest + "}";
}

std::string recurrent(const std::string& nodes, const std::string& more = "") {
  return with_head(R"("space": "recurrent", "nodes": [)" + nodes + "]" + more);
}

std::string macro(const std::string& layers) {
  return with_head(R"("space": "macro", "layers": [)" + layers + "]");
}

std::string micro(const std::string& normal, const std::string& more = "") {
  return with_head(R"("space": "micro", "normal": {"nodes": [)" + normal + "]" + more +
                   R"(}, "reduction": {"nodes": [{"inputs": [0, 1],
                          "operations": ["identity", "identity"]}]})");
}

constexpr const char* kTanh = R"({"function": "tanh"})";
constexpr const char* kSide = R"({"inputs": [0, 0], "operations": ["identity", "max_pool_3x3"]})";

TEST(ArchitectureReader, MuchMayBeLeftOut) {
  EXPECT_EQ(std::get<RecurrentCell>(read(recurrent(kTanh)).network).text(), "0:tanh | mean 0");
  EXPECT_EQ(std::get<MacroNet>(read(macro(R"({"operation": "conv_5x5"},
      {"operation": "avg_pool_3x3"}, {"operation": "conv_3x3", "skips": [0, "stem"]})"))
                                   .network)
                .text(),
            "0:conv_5x5 1:avg_pool_3x3 2:conv_3x3+0,1");
  const auto net = std::get<MicroNet>(read(micro(kSide, R"(, "outputs": [2, 0])")).network);
  EXPECT_EQ(net.normal.text(), "2:identity(0)+max_pool_3x3(0) | concat 0 2");
  EXPECT_EQ(net.normal.loose_ends(), (std::vector<int>{1, 2}));
  EXPECT_TRUE(read(recurrent(kTanh, R"(, "metrics": null, "origin": null)")).origin.is_null());
}

struct Wrong {
  std::string text;
  std::initializer_list<std::string_view> words;
};

void expect_refused(const std::vector<Wrong>& all) {
  for (const Wrong& wrong : all) {
    SCOPED_TRACE(wrong.text);
    expect_words(refusal_of([&] { read(wrong.text); }), {"my.json"});
    expect_words(refusal_of([&] { read(wrong.text); }), wrong.words);
  }
}

TEST(ArchitectureReader, SaysWhatIsWrongWithAFile) {
  expect_refused({
      {"", {"no JSON", "line 1, column 1"}},
      {"{\"format\":\n \"enas_hpc architecture\",,", {"no JSON", "line 2"}},
      {std::string(100000, '['), {"64 levels"}},
      {R"({"a": 1, "a": 2})", {"\"a\" appears twice"}},
      {R"({"a": 1e999})", {"1e999"}},
      {"[]", {"[]", "an object"}},
      {"{}", {"enas_hpc architecture", "convert --from"}},
      {R"({"format": "enas architecture"})", {"format is \"enas architecture\"", "enas_hpc best"}},
      {R"({"format": "enas_hpc architecture"})", {"version is missing"}},
      {R"({"format": "enas_hpc architecture", "version": 2})", {"version is 2", "must be", "1"}},
      {R"({"format": "enas_hpc architecture", "version": "1"})", {"version is \"1\""}},
      {with_head(R"("nodes": [])"), {"space is missing"}},
      {with_head(R"("space": "micros")"), {"space is \"micros\"", "recurrent, macro, micro"}},
      {recurrent(kTanh, R"(, "layers": [])"), {"unknown key \"layers\""}},
      {recurrent(kTanh, R"(, "lose_ends": [0])"), {"\"lose_ends\", did you mean loose_ends?"}},
      {recurrent(kTanh, R"(, "metrics": 80)"), {"metrics is 80", "an object or null"}},
      {recurrent(kTanh, R"(, "origin": [])"), {"origin is []"}},
      {recurrent(kTanh, R"(, "name": 7)"), {"name is 7"}},
      {recurrent(kTanh, R"(, "name": "a\nb")"), {"name is", "control"}},
  });
}

TEST(ArchitectureReader, SaysWhatIsWrongWithARecurrentCell) {
  const std::string tanh = kTanh;
  expect_refused({
      {with_head(R"("space": "recurrent")"), {"nodes is missing"}},
      {with_head(R"("space": "recurrent", "nodes": 3)"), {"nodes is 3", "a list of nodes"}},
      {recurrent(""), {"nodes: 0 items", "at least 1"}},
      {recurrent("7"), {"nodes[0] is 7", "an object"}},
      {recurrent("{}"), {"nodes[0].function is missing"}},
      {recurrent(R"({"function": "tanhh"})"),
       {"nodes[0].function is \"tanhh\"", "sigmoid", "did you mean tanh?"}},
      {recurrent(R"({"function": 0})"), {"nodes[0].function is 0", "tanh, relu"}},
      {recurrent(R"({"function": "tanh", "previous": 0})"), {"nodes[0].previous", "has none"}},
      {recurrent(R"({"function": "tanh", "node": 1})"), {"nodes[0].node is 1", "place", "0"}},
      {recurrent(tanh + R"(, {"function": "relu"})"), {"nodes[1].previous is missing"}},
      {recurrent(tanh + R"(, {"function": "relu", "previous": 1})"),
       {"nodes[1].previous is 1", "an earlier node: 0"}},
      {recurrent(tanh + R"(, {"function": "relu", "previous": 0.0})"),
       {"nodes[1].previous is 0.0"}},
      {recurrent(tanh + R"(, {"function": "relu", "previous": -1})"), {"nodes[1].previous is -1"}},
      {recurrent(tanh + R"(, {"function": "relu", "previous": 18446744073709551615})"),
       {"nodes[1].previous is 18446744073709551615"}},
      {recurrent(tanh + R"(, {"function": "relu", "prev": 0})"),
       {"nodes[1]", "unknown key \"prev\""}},
      {recurrent(tanh, R"(, "loose_ends": [1])"), {"loose_ends[0] is 1", "a node: 0"}},
      {recurrent(tanh + R"(, {"function": "relu", "previous": 0})", R"(, "loose_ends": [0, 1])"),
       {"loose_ends is [0,1]", "which are 1"}},
      {recurrent(tanh, R"(, "outputs": "all")"), {"outputs is \"all\"", "loose_ends", "list"}},
      {recurrent(tanh, R"(, "outputs": [])"), {"outputs is []"}},
      {recurrent(tanh, R"(, "outputs": [0, 0])"), {"outputs[1]", "0 appears twice"}},
      {recurrent(tanh, R"(, "first_node": "relu")"), {"first_node is \"relu\"", "sampled, tanh"}},
      {recurrent(R"({"function": "relu"})", R"(, "first_node": "tanh")"),
       {"nodes[0].function is \"relu\"", "must be tanh"}},
  });
  std::string many = tanh;
  for (int i = 1; i <= 1000; ++i) many += R"(, {"function": "tanh", "previous": 0})";
  expect_refused({{recurrent(many), {"nodes: 1001 items", "at most 1000"}}});
}

TEST(ArchitectureReader, SaysWhatIsWrongWithAMacroNetwork) {
  const std::string two = R"({"operation": "conv_3x3"}, {"operation": "conv_3x3"}, )";
  expect_refused({
      {macro(""), {"layers: 0 items"}},
      {macro(R"({"operation": "identity"})"), {"layers[0].operation is \"identity\"", "conv_5x5"}},
      {macro(R"({"operation": "conv3x3"})"), {"did you mean conv_3x3?"}},
      {macro(R"({"operation": "conv_3x3", "layer": 1})"), {"layers[0].layer is 1"}},
      {macro(R"({"operation": "conv_3x3", "skips": ["stem"]})"),
       {"layers[0].skips is [\"stem\"]", "empty"}},
      {macro(two + R"({"operation": "conv_3x3", "skips": [1]})"),
       {"layers[2].skips[0]", "layer 1 is the input of layer 2", "never a skip"}},
      {macro(two + R"({"operation": "conv_3x3", "skips": [2]})"),
       {"layers[2].skips[0] is 2", "\"stem\" or a layer from 0 to 0"}},
      {macro(two + R"({"operation": "conv_3x3", "skips": ["root"]})"), {"is \"root\"", "stem"}},
      {macro(two + R"({"operation": "conv_3x3", "skips": [0, 0]})"), {"skips[1]", "twice"}},
      {macro(two + R"({"operation": "conv_3x3", "skip": []})"), {"did you mean skips?"}},
      {macro(two + R"({"operation": "conv_3x3", "skips": 0})"), {"layers[2].skips is 0", "list"}},
  });
}

TEST(ArchitectureReader, SaysWhatIsWrongWithAMicroNetwork) {
  const std::string side = kSide;
  const auto node = [](const std::string& inputs, const std::string& operations) {
    return micro(R"({"inputs": )" + inputs + R"(, "operations": )" + operations + "}");
  };
  const std::string good = R"(["identity", "identity"])";
  expect_refused({
      {with_head(R"("space": "micro")"), {"normal is missing"}},
      {with_head(R"("space": "micro", "normal": [])"), {"normal is []", "an object"}},
      {node("[0, 2]", good), {"normal.nodes[0].inputs[1] is 2", "an earlier node: 0 to 1"}},
      {node("[0]", good), {"normal.nodes[0].inputs: 1 item", "length 2"}},
      {node("[0, 1, 1]", good), {"normal.nodes[0].inputs: 3 items"}},
      {node("0", good), {"normal.nodes[0].inputs is 0"}},
      {node("[0, 1]", R"(["identity", "conv_3x3"])"),
       {"normal.nodes[0].operations[1] is \"conv_3x3\"", "one of sep_conv_3x3, sep_conv_5x5"}},
      {micro(R"({"node": 0, "inputs": [0, 1], "operations": ["identity", "identity"]})"),
       {"normal.nodes[0].node is 0", "begins with node 2", "2"}},
      {micro(side, R"(, "loose_ends": [2])"),
       {"normal.loose_ends is [2]", "nobody reads", "are 1, 2"}},
      {micro(side, R"(, "outputs": [3])"), {"normal.outputs[0] is 3", "0 to 2"}},
      {micro(side, R"(, "concat": [2])"), {"normal", "unknown key \"concat\""}},
      {micro(side + ", " + side), {"reduction.nodes", "1 item", "normal cell has 2"}},
  });
}

}  // namespace
}  // namespace enas::space
