// SPDX-License-Identifier: Apache-2.0
#include "space/network_size.hpp"

#include <algorithm>
#include <array>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::space {
namespace {

/// Channels, height, width of an image inside a network.
struct Map {
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;

  double pixels() const { return static_cast<double>(height) * static_cast<double>(width); }
  Map halved(std::int64_t to_channels) const {
    return {to_channels, (height + 1) / 2, (width + 1) / 2};
  }
  Map with(std::int64_t to_channels) const { return {to_channels, height, width}; }
  bool operator==(const Map&) const = default;
};

/// Adds up what layers need. Norms have a scale and an offset; convolutions have no bias.
class Counter {
 public:
  void convolution(std::int64_t in, const Map& out, int k) {
    weight(in * out.channels * k * k, out);
  }
  void depthwise(const Map& out, int k) { weight(out.channels * k * k, out); }
  void norm(const Map& map) { size_.parameters += 2 * map.channels; }
  void convolution_norm(std::int64_t in, const Map& out, int k) {
    convolution(in, out, k);
    norm(out);
  }

  /// Two 1×1 convolutions to half of the channels each, and a norm.
  Map reduction(const Map& in, std::int64_t channels) {
    const Map out = in.halved(channels);
    convolution_norm(in.channels, out, 1);
    return out;
  }

  void put_out(const Map& map) { size_.channels.push_back(static_cast<int>(map.channels)); }
  NetworkSize classified(const Map& last, int classes) {
    weight(last.channels * classes, {1, 1, 1});
    return size_;
  }

 private:
  void weight(std::int64_t values, const Map& out) {
    size_.parameters += values;
    size_.multiply_adds += static_cast<double>(values) * out.pixels();
  }

  NetworkSize size_;
};

Map stem(Counter& counter, const ImageTask& task, std::int64_t filters) {
  const Map map = {filters, task.height, task.width};
  counter.convolution_norm(task.channels, map, 3);
  return map;
}

void add_macro_operation(Counter& counter, const Map& map, Operation operation, bool released) {
  counter.convolution_norm(map.channels, map, 1);
  if (is_pool(operation)) {
    if (!released) return;
    throw InputError(concat("the released network has no ", name_of(operation),
                            ": only convolutions are built there"));
  }
  const int k = kernel_size(operation);
  if (is_separable(operation) && !released) {
    counter.depthwise(map, k);
    counter.convolution_norm(map.channels, map, 1);
  } else {
    counter.convolution_norm(map.channels, map, k);
  }
}

/// Is the entry (0: the stem, l+1: layer l) read by a layer from `first` on?
bool is_read(const MacroNet& net, int entry, int first) {
  for (int layer = first; layer < static_cast<int>(net.layers.size()); ++layer) {
    const auto& skips = net.layers[static_cast<std::size_t>(layer)].skips;
    if (entry == layer || std::find(skips.begin(), skips.end(), entry) != skips.end()) return true;
  }
  return false;
}

/// An input of a cell, brought to the cell's filters and the size of the newer input.
Map calibrated(Counter& counter, const Map& input, const Map& target) {
  if (input.height != target.height || input.width != target.width) {
    return counter.reduction(input, target.channels);
  }
  if (input.channels != target.channels) counter.convolution_norm(input.channels, target, 1);
  return target;
}

void add_side(Counter& counter, const MicroCell::Side& side, const Map& input, const Map& out) {
  if (is_separable(side.operation)) {
    for (int repeat = 0; repeat < 2; ++repeat) {
      counter.depthwise(out, kernel_size(side.operation));
      counter.convolution_norm(out.channels, out, 1);
    }
  } else if (side.operation == Operation::identity && !(input == out)) {
    counter.reduction(input, out.channels);
  }
}

/// Both inputs of the cell have the same map once they are calibrated.
Map add_cell(Counter& counter, const MicroCell& cell, const std::array<Map, 2>& inputs,
             std::int64_t filters, bool is_reduction) {
  const Map map = inputs[1].with(filters);
  for (const Map& input : inputs) calibrated(counter, input, map);
  counter.convolution_norm(filters, map, 1);  // the extra one on the previous output
  const Map out = is_reduction ? map.halved(filters) : map;
  for (const auto& sides : cell.nodes) {
    for (const auto& side : sides) add_side(counter, side, side.input < 2 ? map : out, out);
  }
  const std::vector<int> outputs = cell.outputs();
  for (const int node : outputs) {
    if (node < 2 && is_reduction) counter.reduction(map, filters);
  }
  return out.with(filters * static_cast<std::int64_t>(outputs.size()));
}

}  // namespace

NetworkSize network_size(const RecurrentCell& cell, const RecurrentWidth& width) {
  const auto hidden = static_cast<std::int64_t>(width.hidden);
  const auto nodes = static_cast<std::int64_t>(cell.nodes.size());
  // Value and gate of x and the state in node 0, of one earlier node in the others.
  const std::int64_t parameters =
      width.vocabulary * hidden + (4 + 2 * (nodes - 1)) * hidden * hidden;
  return {
      .parameters = parameters, .multiply_adds = static_cast<double>(parameters), .channels = {}};
}

NetworkSize network_size(const MacroNet& net, const MacroWidth& width) {
  Counter counter;
  Map map = stem(counter, width.task, width.filters);
  const int num_layers = static_cast<int>(net.layers.size());
  const std::vector<int> pools = pool_layers(num_layers);
  for (int number = 0; number < num_layers; ++number) {
    const MacroNet::Layer& layer = net.layers[static_cast<std::size_t>(number)];
    add_macro_operation(counter, map, layer.operation, width.released);
    if (number > 0) {
      const auto merged = static_cast<std::int64_t>(layer.skips.size()) + 1;
      counter.convolution_norm(merged * map.channels, map, 1);
    }
    counter.put_out(map);
    if (std::find(pools.begin(), pools.end(), number) == pools.end()) continue;
    const Map before = map;
    for (int entry = 0; entry <= number + 1; ++entry) {
      if (is_read(net, entry, number + 1)) map = counter.reduction(before, 2 * before.channels);
    }
  }
  return counter.classified(map, width.task.classes);
}

NetworkSize network_size(const MicroNet& net, const MicroWidth& width) {
  Counter counter;
  std::int64_t filters = width.filters;
  const Map first = stem(counter, width.task, 3 * filters);
  std::array<Map, 2> inputs = {first, first};
  const std::array<int, 2> reductions = reduction_cells(width.layers);
  for (int cell = 0; cell < width.layers + 2; ++cell) {
    const bool is_reduction = cell == reductions[0] || cell == reductions[1];
    if (is_reduction) filters *= 2;
    const Map out =
        add_cell(counter, is_reduction ? net.reduction : net.normal, inputs, filters, is_reduction);
    counter.put_out(out);
    inputs = {inputs[1], out};
  }
  return counter.classified(inputs[1], width.task.classes);
}

}  // namespace enas::space
