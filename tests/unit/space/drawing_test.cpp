// SPDX-License-Identifier: Apache-2.0
// Drawings in text, and text that Graphviz can read.
#include "space/drawing.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "space/architecture_file.hpp"
#include "unit/space/refusal.hpp"

namespace enas::space {
namespace {

TEST(Drawing, ARecurrentCellIsATree) {
  EXPECT_EQ(drawing_text(load_architecture("enas-lm").network),
            R"(recurrent cell of 9 nodes, the first one fixed
x[t], h[t-1]
`-- 0 tanh
    `-- 1 sigmoid
        `-- 2 tanh
            |-- 3 relu
            |   `-- 7 sigmoid *
            `-- 4 sigmoid
                `-- 5 tanh
                    `-- 6 tanh
                        `-- 8 sigmoid *
h[t] = mean of the loose ends (*) 7 8
)");
}

TEST(Drawing, AMacroNetworkShowsItsSkips) {
  const MacroNet net = {.layers = {macro_layer(Operation::conv_3x3, {}),
                                   macro_layer(Operation::sep_conv_5x5, {0}),
                                   macro_layer(Operation::max_pool_3x3, {1}),
                                   macro_layer(Operation::conv_5x5, {0, 2})}};
  EXPECT_EQ(drawing_text(net), R"(macro network of 4 layers, 4 of 6 possible skips
Each layer reads the one before it, and by skips (o) the stem and earlier layers.
     stem
   0 conv_3x3
     - half the size, twice the filters -
   1 sep_conv_5x5 o    stem
     - half the size, twice the filters -
   2 max_pool_3x3 .o   0
   3 conv_5x5     o.o  stem 1
)");
}

TEST(Drawing, AMicroNetworkIsTwoListsOfNodes) {
  const std::array sides = {micro_side(0, Operation::identity),
                            micro_side(0, Operation::sep_conv_3x3)};
  MicroNet net = {.normal = {.nodes = {sides}}, .reduction = {.nodes = {sides}}};
  name_outputs(net.reduction, {2});
  EXPECT_EQ(drawing_text(net), R"(micro network, nodes of a cell besides its inputs: 1
normal cell
   0 = the cell before the previous one
   1 = the previous cell *
   2 = identity(0) + sep_conv_3x3(0) *
 out = concatenation of the loose ends (*) 1 2
reduction cell
   0 = the cell before the previous one
   1 = the previous cell *
   2 = identity(0) + sep_conv_3x3(0) *
 out = concatenation of 2, which are not the loose ends (*) 1 2
)");
}

TEST(Drawing, GraphvizCanReadIt) {
  const std::string id = R"re("([^"\\]|\\.)*")re";
  const std::regex line("digraph " + id + R"( \{|\}|  \}|  subgraph )" + id + R"( \{|  label=)" +
                        id + ";|  " + id + "( -> " + id + R"()?( \[(label=)" + id +
                        R"()?(, )?((shape|style)=[a-z]+)?\])?;)");
  for (const auto& shipped : shipped_architectures()) {
    const std::string dot =
        drawing_dot(load_architecture(std::string(shipped.name)).network, "a \"b\\ c");
    int depth = 0;
    std::istringstream in(dot);
    for (std::string text; std::getline(in, text);) {
      EXPECT_TRUE(std::regex_match(text, line)) << text;
      depth += text.ends_with("{") ? 1 : text.ends_with("}") ? -1 : 0;
    }
    EXPECT_EQ(depth, 0);
    EXPECT_EQ(dot.find("digraph \"a \\\"b\\\\ c\" {\n"), 0U);
  }
  const std::string ptb = drawing_dot(load_architecture("enas-ptb").network, "");
  expect_words(ptb, {"digraph \"architecture\"", "\"8\" [label=\"8 relu\", shape=box];",
                     "  \"6\" -> \"8\";\n", "  \"3\" -> \"mean\";\n"});
  EXPECT_EQ(ptb.find("\"0\" -> \"mean\""), std::string::npos);
}

}  // namespace
}  // namespace enas::space
