// SPDX-License-Identifier: Apache-2.0
// The text for Graphviz.
#include "core/text.hpp"
#include "space/drawing.hpp"

namespace enas::space {
namespace {

std::string quoted(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return concat("\"", escaped, "\"");
}

std::string node_line(std::string_view id, std::string_view label, std::string_view style = "") {
  return concat("  ", quoted(id), " [label=", quoted(label), style.empty() ? "" : ", ", style,
                "];\n");
}

std::string edge_line(std::string_view from, std::string_view to, std::string_view label = "") {
  return concat("  ", quoted(from), " -> ", quoted(to),
                label.empty() ? std::string() : concat(" [label=", quoted(label), "]"), ";\n");
}

constexpr std::string_view kEnd = "shape=ellipse";
constexpr std::string_view kBox = "shape=box";

struct Dot {
  std::string operator()(const RecurrentCell& cell) const {
    std::string text = node_line("x", "x[t]", kEnd) + node_line("state", "h[t-1]", kEnd);
    for (std::size_t i = 0; i < cell.nodes.size(); ++i) {
      text += node_line(concat(i), concat(i, " ", name_of(cell.nodes[i].activation)), kBox);
    }
    text += node_line("mean", "mean", kEnd) + node_line("output", "h[t]", kEnd);
    text += edge_line("x", "0") + edge_line("state", "0");
    for (std::size_t i = 1; i < cell.nodes.size(); ++i) {
      text += edge_line(concat(cell.nodes[i].previous), concat(i));
    }
    for (const int node : cell.outputs()) text += edge_line(concat(node), "mean");
    return text + edge_line("mean", "output");
  }

  std::string operator()(const MacroNet& net) const {
    std::string text = node_line("e0", "stem", kEnd);
    for (std::size_t i = 0; i < net.layers.size(); ++i) {
      const std::string id = concat("e", i + 1);
      text += node_line(id, concat(i, " ", name_of(net.layers[i].operation)), kBox);
      text += edge_line(concat("e", i), id);
      for (const int entry : net.layers[i].skips) {
        text += concat("  ", quoted(concat("e", entry)), " -> ", quoted(id), " [style=dashed];\n");
      }
    }
    text += node_line("classes", "classes", kEnd);
    return text + edge_line(concat("e", net.layers.size()), "classes");
  }

  std::string operator()(const MicroNet& net) const {
    return cell(net.normal, "normal") + cell(net.reduction, "reduction");
  }

 private:
  static std::string cell(const MicroCell& cell, const std::string& name) {
    const auto id = [&](int node) { return concat(name, " ", node); };
    std::string text = concat("  subgraph ", quoted("cluster " + name),
                              " {\n  label=", quoted(name + " cell"), ";\n");
    text +=
        node_line(id(0), "0: two cells back", kEnd) + node_line(id(1), "1: previous cell", kEnd);
    for (std::size_t i = 0; i < cell.nodes.size(); ++i) {
      const int number = static_cast<int>(i) + 2;
      text += node_line(id(number), concat(number, ": +"), kBox);
      for (const auto& side : cell.nodes[i]) {
        text += edge_line(id(side.input), id(number), name_of(side.operation));
      }
    }
    const std::string output = name + " output";
    text += node_line(output, "concatenation", kEnd);
    for (const int node : cell.outputs()) text += edge_line(id(node), output);
    return text + "  }\n";
  }
};

}  // namespace

std::string drawing_dot(const TypedView& view, std::string_view name) {
  return concat("digraph ", quoted(name.empty() ? "architecture" : name), " {\n",
                std::visit(Dot{}, view), "}\n");
}

}  // namespace enas::space
