// SPDX-License-Identifier: Apache-2.0
// The text.
#include "space/drawing.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace enas::space {
namespace {

// A wider triangle of skips would not fit a terminal.
constexpr std::size_t kWidestTriangle = 64;

bool contains(const std::vector<int>& numbers, int number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

std::string padded(const std::string& text, std::size_t width) {
  return text.size() < width ? text + std::string(width - text.size(), ' ') : text;
}

std::string right(std::size_t number, std::size_t width) {
  const std::string text = concat(number);
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

/// "mean of the loose ends (*) 3 4".
template <typename Cell>
std::string outputs_text(const Cell& cell, const char* merge) {
  const std::string nodes = join(cell.outputs(), " ");
  if (cell.named_outputs.empty()) return concat(merge, " of the loose ends (*) ", nodes);
  return concat(merge, " of ", nodes, ", which are not the loose ends (*) ",
                join(cell.loose_ends(), " "));
}

/// A node and all that reads it, directly or not.
class Tree {
 public:
  explicit Tree(const RecurrentCell& cell)
      : cell_(cell), loose_ends_(cell.loose_ends()), readers_(cell.nodes.size()) {
    for (std::size_t i = 1; i < cell.nodes.size(); ++i) {
      readers_[static_cast<std::size_t>(cell.nodes[i].previous)].push_back(static_cast<int>(i));
    }
  }

  std::string text() {
    add(0, "");
    return text_;
  }

 private:
  void add(int node, const std::string& margin) {
    const auto index = static_cast<std::size_t>(node);
    text_ += concat(node, " ", name_of(cell_.nodes[index].activation),
                    contains(loose_ends_, node) ? " *\n" : "\n");
    const auto& readers = readers_[index];
    for (const int reader : readers) {
      const bool is_last = reader == readers.back();
      text_ += concat(margin, is_last ? "`-- " : "|-- ");
      add(reader, margin + (is_last ? "    " : "|   "));
    }
  }

  const RecurrentCell& cell_;
  std::vector<int> loose_ends_;
  std::vector<std::vector<int>> readers_;
  std::string text_;
};

std::string skip_names(const MacroNet::Layer& layer) {
  std::vector<std::string> names;
  for (const int entry : layer.skips) names.push_back(entry == 0 ? "stem" : concat(entry - 1));
  return join(names, " ");
}

std::string triangle_row(const MacroNet::Layer& layer, std::size_t number) {
  std::string row;
  for (std::size_t entry = 0; entry < number; ++entry) {
    row += contains(layer.skips, static_cast<int>(entry)) ? 'o' : '.';
  }
  return row;
}

std::string cell_text(const MicroCell& cell, const char* name) {
  std::string text = concat(name, " cell\n");
  const std::vector<int> loose_ends = cell.loose_ends();
  const auto star = [&](int node) { return contains(loose_ends, node) ? " *\n" : "\n"; };
  text += concat("   0 = the cell before the previous one", star(0));
  text += concat("   1 = the previous cell", star(1));
  for (std::size_t i = 0; i < cell.nodes.size(); ++i) {
    const auto& [one, two] = cell.nodes[i];
    text += concat(right(i + 2, 4), " = ", name_of(one.operation), "(", one.input, ") + ",
                   name_of(two.operation), "(", two.input, ")", star(static_cast<int>(i) + 2));
  }
  return concat(text, " out = ", outputs_text(cell, "concatenation"), "\n");
}

struct Drawing {
  std::string operator()(const RecurrentCell& cell) const {
    const bool is_fixed = cell.first_node == FirstNode::tanh;
    return concat("recurrent cell of ", cell.nodes.size(), " nodes",
                  is_fixed ? ", the first one fixed" : "", "\nx[t], h[t-1]\n`-- ",
                  indented(Tree(cell).text()), "h[t] = ", outputs_text(cell, "mean"), "\n");
  }

  std::string operator()(const MacroNet& net) const {
    const std::size_t num_layers = net.layers.size();
    std::size_t num_skips = 0;
    for (const auto& layer : net.layers) num_skips += layer.skips.size();
    const std::size_t most = num_layers * (num_layers - 1) / 2;
    std::string text = concat("macro network of ", num_layers, " layers, ", num_skips, " of ", most,
                              " possible skips\nEach layer reads the one before it, and by skips "
                              "(o) the stem and earlier layers.\n     stem\n");
    for (std::size_t i = 0; i < num_layers; ++i) {
      const MacroNet::Layer& layer = net.layers[i];
      std::string line =
          concat(right(i, 4), " ", padded(std::string(name_of(layer.operation)), 13));
      if (num_layers <= kWidestTriangle) line += padded(triangle_row(layer, i), num_layers) + " ";
      line += skip_names(layer);
      text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
      if (i + 1 == num_layers / 3 || i + 1 == 2 * (num_layers / 3)) {
        text += "     - half the size, twice the filters -\n";
      }
    }
    return text;
  }

  std::string operator()(const MicroNet& net) const {
    return concat("micro network, nodes of a cell besides its inputs: ", net.normal.nodes.size(),
                  "\n", cell_text(net.normal, "normal"), cell_text(net.reduction, "reduction"));
  }

 private:
  /// All lines but the first by the width of "`-- ".
  static std::string indented(const std::string& tree) {
    std::string text;
    for (std::size_t begin = 0; begin < tree.size();) {
      const std::size_t end = tree.find('\n', begin) + 1;
      text += (begin == 0 ? "" : "    ") + tree.substr(begin, end - begin);
      begin = end;
    }
    return text;
  }
};

}  // namespace

std::string drawing_text(const TypedView& view) { return std::visit(Drawing{}, view); }

}  // namespace enas::space
