// SPDX-License-Identifier: Apache-2.0
#include "supernet/micro.hpp"

#include <array>
#include <utility>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::supernet {
namespace {

constexpr std::array<const char*, 2> kSides = {"x", "y"};
constexpr int kTimes = 2;  // a separable convolution is applied twice

/// What is done to a cell's input before the cell.
struct InputStep {
  enum class Kind { project, reduce } kind;
  std::string name;
  std::int64_t in;
  std::int64_t out;
  bool relu = true;
};

struct CellPlan {
  std::string name;
  bool is_reduction = false;
  std::int64_t filters = 0;
  std::array<std::vector<InputStep>, 2> inputs;
  bool is_released = false;  // a reduction cell that reads and hands on as the authors' does
};

/// Channels, and the number of reductions passed.
struct PlannedImage {
  std::int64_t channels = 0;
  int level = 0;
};

InputStep input_step(InputStep::Kind kind, const CellPlan& cell, int input, const char* verb,
                     std::int64_t in) {
  return {kind, concat(cell.name, "/input/", input, "/", verb), in, cell.filters};
}

/// Brings the two-back image to the previous one's size, and both to the cell's width.
void plan_inputs(CellPlan& cell, PlannedImage two_back, PlannedImage previous) {
  using Kind = InputStep::Kind;
  if (cell.is_released) {
    cell.inputs[1].push_back(input_step(Kind::reduce, cell, 1, "reduce", previous.channels));
    cell.inputs[1].back().relu = false;
    two_back = previous;
    previous = {cell.filters, previous.level + 1};
  }
  const bool reduces_both = cell.is_reduction && !cell.is_released;
  if (two_back.level != previous.level) {
    cell.inputs[0].push_back(input_step(Kind::reduce, cell, 0, "shrink", two_back.channels));
    two_back.channels = cell.filters;
  } else if (!reduces_both && two_back.channels != cell.filters) {
    cell.inputs[0].push_back(input_step(Kind::project, cell, 0, "project", two_back.channels));
  }
  if (reduces_both) {
    cell.inputs[0].push_back(input_step(Kind::reduce, cell, 0, "reduce", two_back.channels));
    cell.inputs[1].push_back(input_step(Kind::reduce, cell, 1, "reduce", previous.channels));
  } else if (previous.channels != cell.filters) {
    cell.inputs[1].push_back(input_step(Kind::project, cell, 1, "project", previous.channels));
  }
}

std::vector<CellPlan> plan_cells(const MicroOptions& options) {
  const std::array<int, 2> reductions = space::reduction_cells(options.cells);
  std::vector<CellPlan> cells;
  PlannedImage two_back{std::int64_t{3} * options.filters, 0};
  PlannedImage previous = two_back;
  int level = 0;
  for (int number = 0; number < options.cells + 2; ++number) {
    CellPlan cell;
    cell.name = concat("cell/", number);
    cell.is_reduction = number == reductions[0] || number == reductions[1];
    cell.is_released = cell.is_reduction && options.reduction_inputs == ReductionInputs::released;
    if (cell.is_reduction) ++level;
    cell.filters = std::int64_t{options.filters} << level;
    plan_inputs(cell, two_back, previous);
    const PlannedImage out{cell.filters, level};
    two_back = cell.is_released ? out : previous;
    previous = out;
    cells.push_back(std::move(cell));
  }
  return cells;
}

std::string side_name(const CellPlan& cell, int node, std::size_t side, space::Operation operation,
                      int input) {
  return concat(cell.name, "/node/", node, "/", kSides[side], "/", space::name_of(operation), "/",
                input);
}

void add_separable(ImageWeights& weights, const std::string& name, space::Operation operation,
                   std::int64_t filters) {
  for (int time = 1; time <= kTimes; ++time) {
    weights.add_depthwise(concat(name, "/", time, "/depthwise"), filters, kernel_size(operation));
    weights.add_convolution(concat(name, "/", time, "/pointwise"), filters, filters, 1);
    weights.add_norm(concat(name, "/", time, "/norm"), filters);
  }
}

void add_cell(ImageWeights& weights, const space::MicroSpaceOptions& space, const CellPlan& cell) {
  for (const std::vector<InputStep>& steps : cell.inputs) {
    for (const InputStep& step : steps) {
      if (step.kind == InputStep::Kind::reduce) {
        weights.add_reduction(step.name, step.out, step.in);
      } else {
        weights.add_convolution(step.name, step.out, step.in, 1);
        weights.add_norm(concat(step.name, "_norm"), step.out);
      }
    }
  }
  for (int node = 2; node < space.nodes; ++node) {
    for (std::size_t side = 0; side < kSides.size(); ++side) {
      for (const space::Operation operation : space.operations) {
        if (!is_separable(operation)) continue;
        for (int input = 0; input < node; ++input) {
          add_separable(weights, side_name(cell, node, side, operation, input), operation,
                        cell.filters);
        }
      }
    }
  }
  for (int node = 0; node < space.nodes; ++node) {
    weights.add_convolution(concat(cell.name, "/out/", node), cell.filters, cell.filters, 1,
                            space.nodes);
  }
  weights.add_norm(concat(cell.name, "/out/norm"), cell.filters);
}

ImageWeights micro_weights(const space::MicroSpaceOptions& space, const MicroOptions& options,
                           const DataShape& data) {
  const std::int64_t stem_channels = std::int64_t{3} * options.filters;
  ImageWeights weights;
  weights.add_convolution("stem/conv", stem_channels, data.channels, 3);
  weights.add_norm("stem/norm", stem_channels);
  const std::vector<CellPlan> cells = plan_cells(options);
  for (const CellPlan& cell : cells) add_cell(weights, space, cell);
  weights.add_linear("head", data.num_classes, cells.back().filters);
  return weights;
}

void check(const MicroOptions& options, const DataShape& data) {
  check_at_least("cells", options.cells, 1);
  check_at_least("filters", options.filters, 1);
  check_even("filters", options.filters);
  check_drop("drop_features", options.drop_features);
  check_epsilon("norm_epsilon", options.norm_epsilon);
  check_classes(data);
}

ImageWeights checked_weights(const space::MicroSpaceOptions& space, const MicroOptions& options,
                             const DataShape& data) {
  check(options, data);
  return micro_weights(space, options, data);
}

/// Walks one architecture and adds what it needs to a child.
class MicroBuilder {
 public:
  MicroBuilder(const space::MicroNet& net, const MicroOptions& options,
               const WeightNumbers& numbers)
      : net_(net), options_(options), numbers_(numbers) {}

  ImageChild build() {
    const int stem = norm(child_.convolution(0, numbers_("stem/conv")), "stem/norm");
    int two_back = stem;
    int previous = stem;
    for (const CellPlan& cell : plan_cells(options_)) {
      const int first = prepare(cell.inputs[0], cell.is_released ? previous : two_back);
      const int second = prepare(cell.inputs[1], previous);
      two_back = cell.is_released ? second : previous;
      previous = add_cell(cell, first, second);
    }
    child_.classify(child_.relu(previous), numbers_("head"));
    return std::move(child_);
  }

 private:
  int norm(int image, const std::string& name) {
    return child_.norm(image, numbers_(name), options_.norm_epsilon);
  }

  int prepare(const std::vector<InputStep>& steps, int image) {
    for (const InputStep& step : steps) {
      if (step.relu) image = child_.relu(image);
      if (step.kind == InputStep::Kind::reduce) {
        image = child_.reduction(image,
                                 {numbers_(step.name + "/even"), numbers_(step.name + "/odd"),
                                  numbers_(step.name + "/norm")},
                                 options_.norm_epsilon);
      } else {
        image = norm(child_.convolution(image, numbers_(step.name)), step.name + "_norm");
      }
    }
    return image;
  }

  int add_cell(const CellPlan& cell, int first, int second) {
    const space::MicroCell& chosen = cell.is_reduction ? net_.reduction : net_.normal;
    std::vector<int> nodes = {first, second};
    for (const auto& sides : chosen.nodes) {
      const int node = static_cast<int>(nodes.size());
      std::vector<int> terms;
      for (std::size_t side = 0; side < sides.size(); ++side) {
        const auto& [input, code, operation] = sides[side];
        terms.push_back(operate(operation, side_name(cell, node, side, operation, input),
                                nodes[static_cast<std::size_t>(input)]));
      }
      nodes.push_back(child_.sum(terms));
    }
    std::vector<int> images;
    std::vector<int> blocks;
    for (const int node : chosen.loose_ends()) {
      images.push_back(nodes[static_cast<std::size_t>(node)]);
      blocks.push_back(numbers_(concat(cell.name, "/out/", node)));
    }
    return norm(child_.merge(images, blocks), cell.name + "/out/norm");
  }

  int operate(space::Operation operation, const std::string& name, int image) {
    if (operation == space::Operation::identity) return image;
    if (operation == space::Operation::avg_pool_3x3) return child_.avg_pool(image);
    if (operation == space::Operation::max_pool_3x3) return child_.max_pool(image);
    for (int time = 1; time <= kTimes; ++time) {
      const std::string prefix = concat(name, "/", time);
      image = child_.separable(child_.relu(image), numbers_(prefix + "/depthwise"),
                               numbers_(prefix + "/pointwise"));
      image = norm(image, prefix + "/norm");
    }
    return image;
  }

  const space::MicroNet& net_;
  const MicroOptions& options_;
  const WeightNumbers& numbers_;
  ImageChild child_;
};

}  // namespace

std::vector<WeightShape> micro_weight_shapes(const space::MicroSpaceOptions& space,
                                             const MicroOptions& options, const DataShape& data) {
  return micro_weights(space, options, data).shapes();
}

MicroSupernet::MicroSupernet(const space::MicroSpaceOptions& space, const MicroOptions& options,
                             const DataShape& data, std::uint64_t seed)
    : ImageSupernet(space::micro_space(space), data, {options.drop_features, options.kernels},
                    checked_weights(space, options, data), seed),
      space_(space),
      options_(options) {}

ImageChild MicroSupernet::build(const space::Architecture& architecture,
                                const WeightNumbers& numbers) const {
  return MicroBuilder(space::micro_net(space_, decisions(), architecture), options_, numbers)
      .build();
}

}  // namespace enas::supernet
