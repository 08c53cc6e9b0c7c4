// SPDX-License-Identifier: Apache-2.0
#include "child/micro.hpp"

#include <array>
#include <string>
#include <vector>

#include "child/image_options.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::child {
namespace {

constexpr std::array<const char*, 2> kSides = {"x", "y"};
constexpr int kTimes = 2;   // a separable convolution is applied twice
constexpr int kInputs = 2;  // of a cell

void check(const MicroNetworkOptions& options) {
  check_at_least("layers", options.layers, 1);
  check_at_least("filters", options.filters, 1);
  check_drop("dropout", options.dropout);
  if (!(options.drop_path_keep > 0.0 && options.drop_path_keep <= 1.0)) {
    throw ConfigError(concat("train.drop_path_keep is ", options.drop_path_keep,
                             "; it is a probability of keeping and must be in (0, 1]"));
  }
  if (!(options.auxiliary_weight >= 0.0)) {
    throw ConfigError(concat("train.auxiliary_weight is ", options.auxiliary_weight,
                             "; it must be 0 (no auxiliary head) or greater"));
  }
}

/// Walks one architecture.
class Builder {
 public:
  Builder(const space::MicroNet& net, const MicroNetworkOptions& options,
          const nn::DataShape& shape)
      : net_(net), options_(options), plan_(shape, options.norm_epsilon) {}

  ImagePlan build() {
    const std::array<int, 2> reductions = space::reduction_cells(options_.layers);
    const int auxiliary_cell = reductions[1] + 1;
    std::int64_t filters = options_.filters;
    int previous = plan_.norm(plan_.convolution(0, "stem/conv", 3 * filters, 3), "stem/norm");
    int two_back = previous;
    int auxiliary = 0;
    for (int number = 0; number < options_.layers + 2; ++number) {
      const bool is_reduction = number == reductions[0] || number == reductions[1];
      if (is_reduction) filters *= 2;
      const int output = add_cell({concat("cell/", number), is_reduction, filters, keep(number)},
                                  two_back, previous);
      two_back = previous;
      previous = output;
      if (number == auxiliary_cell) auxiliary = output;
    }
    plan_.classify(plan_.relu(previous));
    if (options_.auxiliary_weight > 0.0) plan_.classify_auxiliary(auxiliary);
    return std::move(plan_);
  }

 private:
  struct Cell {
    std::string name;
    bool is_reduction = false;
    std::int64_t filters = 0;
    double keep = 1.0;  // of drop path
  };

  /// Paths of deeper cells are dropped more often (Zoph et al. 2018, ScheduledDropPath).
  double keep(int cell) const {
    return 1.0 - (cell + 1) / (options_.layers + 2.0) * (1.0 - options_.drop_path_keep);
  }

  int relu_conv_norm(int image, const std::string& name, std::int64_t filters) {
    return plan_.norm(plan_.convolution(plan_.relu(image), name, filters, 1), name + "_norm");
  }

  /// Brings the two-back image to the previous one's size, and both to the cell's width.
  std::vector<int> calibrate(const Cell& cell, int two_back, int previous) {
    const ImageSize two_back_size = plan_.size(two_back);
    const ImageSize size = plan_.size(previous);
    const std::string name = cell.name + "/input/";
    if (two_back_size[1] != size[1] || two_back_size[2] != size[2]) {
      two_back = plan_.reduction(plan_.relu(two_back), name + "0/shrink", cell.filters);
    } else if (two_back_size[0] != cell.filters) {
      two_back = relu_conv_norm(two_back, name + "0/project", cell.filters);
    }
    if (size[0] != cell.filters) {
      previous = relu_conv_norm(previous, name + "1/project", cell.filters);
    }
    return {two_back, relu_conv_norm(previous, cell.name + "/base", cell.filters)};
  }

  int add_cell(const Cell& cell, int two_back, int previous) {
    const space::MicroCell& chosen = cell.is_reduction ? net_.reduction : net_.normal;
    std::vector<int> nodes = calibrate(cell, two_back, previous);
    for (const auto& sides : chosen.nodes) {
      const std::string prefix =
          concat(cell.name, cell.is_reduction ? "/reduction/" : "/normal/", nodes.size(), "/");
      std::array<int, 2> terms{};
      for (std::size_t side = 0; side < sides.size(); ++side) {
        const auto& [input, code, operation] = sides[side];
        expect(input >= 0 && input < static_cast<int>(nodes.size()), "a node reads earlier ones");
        const int stride = cell.is_reduction && input < kInputs ? 2 : 1;
        terms[side] = operate(cell, concat(prefix, kSides[side], "/", space::name_of(operation)),
                              operation, nodes[static_cast<std::size_t>(input)], stride);
      }
      nodes.push_back(plan_.sum(terms[0], terms[1]));
    }
    std::vector<int> ends;
    for (const int node : chosen.outputs()) {
      const int image = nodes[static_cast<std::size_t>(node)];
      const bool is_large = cell.is_reduction && node < kInputs;
      ends.push_back(is_large
                         ? plan_.reduction(image, concat(cell.name, "/loose/", node), cell.filters)
                         : image);
    }
    return plan_.concatenate(ends);
  }

  int operate(const Cell& cell, const std::string& name, space::Operation operation, int image,
              int stride) {
    switch (operation) {
      case space::Operation::identity:
        return stride == 1 ? image : plan_.reduction(image, name, cell.filters);
      case space::Operation::avg_pool_3x3:
        return plan_.drop_path(plan_.avg_pool(image, stride), cell.keep);
      case space::Operation::max_pool_3x3:
        return plan_.drop_path(plan_.max_pool(image, stride), cell.keep);
      case space::Operation::sep_conv_3x3:
      case space::Operation::sep_conv_5x5:
        return plan_.drop_path(separable(cell, name, operation, image, stride), cell.keep);
      case space::Operation::conv_3x3:
      case space::Operation::conv_5x5:
        break;
    }
    expect(false, "a micro cell has no dense convolutions");
    return image;
  }

  int separable(const Cell& cell, const std::string& name, space::Operation operation, int image,
                int stride) {
    for (int time = 1; time <= kTimes; ++time) {
      const std::string prefix = concat(name, "/", time);
      image = plan_.depthwise(plan_.relu(image), prefix + "/depthwise", kernel_size(operation),
                              time == 1 ? stride : 1);
      image = plan_.convolution(image, prefix + "/pointwise", cell.filters, 1);
      image = plan_.norm(image, prefix + "/norm");
    }
    return image;
  }

  const space::MicroNet& net_;
  const MicroNetworkOptions& options_;
  ImagePlan plan_;
};

}  // namespace

ImagePlan micro_plan(const space::MicroNet& net, const MicroNetworkOptions& options,
                     const nn::DataShape& shape) {
  check(options);
  return Builder(net, options, shape).build();
}

}  // namespace enas::child
