// SPDX-License-Identifier: Apache-2.0
#include "supernet/macro.hpp"

#include <algorithm>
#include <utility>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::supernet {
namespace {

std::string branch_name(int layer, space::Operation operation) {
  return concat("layer/", layer, "/", space::name_of(operation));
}

void add_branch(ImageWeights& weights, const std::string& name, space::Operation operation,
                std::int64_t filters) {
  weights.add_convolution(concat(name, "/in"), filters, filters, 1);
  weights.add_norm(concat(name, "/in_norm"), filters);
  if (is_pool(operation)) return;
  if (is_separable(operation)) {
    weights.add_depthwise(concat(name, "/depthwise"), filters, kernel_size(operation));
    weights.add_convolution(concat(name, "/pointwise"), filters, filters, 1);
  } else {
    weights.add_convolution(concat(name, "/conv"), filters, filters, kernel_size(operation));
  }
  weights.add_norm(concat(name, "/norm"), filters);
}

void add_merge(ImageWeights& weights, int layer, const MacroOptions& options) {
  weights.add_norm(concat("layer/", layer, "/norm"), options.filters);
  if (options.skip_merge == SkipMerge::sum) return;
  const int num_blocks = layer + 1;
  weights.add_convolution(concat("layer/", layer, "/merge/own"), options.filters, options.filters,
                          1, num_blocks);
  for (int entry = 0; entry < layer; ++entry) {
    weights.add_convolution(concat("layer/", layer, "/merge/", entry), options.filters,
                            options.filters, 1, num_blocks);
  }
}

ImageWeights macro_weights(const space::MacroSpaceOptions& space, const MacroOptions& options,
                           const DataShape& data) {
  const std::int64_t filters = options.filters;
  ImageWeights weights;
  weights.add_convolution("stem/conv", filters, data.channels, 3);
  weights.add_norm("stem/norm", filters);
  for (int layer = 0; layer < space.layers; ++layer) {
    for (const space::Operation operation : space.operations) {
      add_branch(weights, branch_name(layer, operation), operation, filters);
    }
    if (layer > 0) add_merge(weights, layer, options);
  }
  for (const int pool : space::pool_layers(space.layers)) {
    for (int entry = 0; entry <= pool + 1; ++entry) {
      weights.add_reduction(concat("reduction/", pool, "/", entry), filters, filters);
    }
  }
  weights.add_linear("head", data.num_classes, filters);
  return weights;
}

void check(const space::MacroSpaceOptions& space, const MacroOptions& options,
           const DataShape& data) {
  check_at_least("filters", options.filters, 1);
  if (!space::pool_layers(space.layers).empty()) check_even("filters", options.filters);
  check_drop("drop_features", options.drop_features);
  check_epsilon("norm_epsilon", options.norm_epsilon);
  check_epsilon("kernel_norm_epsilon", options.kernel_norm_epsilon);
  check_classes(data);
}

ImageWeights checked_weights(const space::MacroSpaceOptions& space, const MacroOptions& options,
                             const DataShape& data) {
  check(space, options, data);
  return macro_weights(space, options, data);
}

/// Walks one architecture and adds what it needs to a child.
class MacroBuilder {
 public:
  MacroBuilder(const space::MacroNet& net, const MacroOptions& options,
               const WeightNumbers& numbers)
      : net_(net),
        options_(options),
        numbers_(numbers),
        pools_(space::pool_layers(static_cast<int>(net.layers.size()))) {}

  ImageChild build() {
    const int stem = child_.convolution(0, numbers_("stem/conv"));
    entries_.push_back({child_.norm(stem, numbers_("stem/norm"), options_.norm_epsilon)});
    for (int layer = 0; layer < static_cast<int>(net_.layers.size()); ++layer) {
      entries_.push_back({add_layer(layer), num_pools_});
      if (std::find(pools_.begin(), pools_.end(), layer) != pools_.end()) ++num_pools_;
    }
    child_.classify(entries_.back().image, numbers_("head"));
    return std::move(child_);
  }

 private:
  /// The stem or a layer's output, and through how many pool layers' reductions it has been.
  struct Entry {
    int image = 0;
    std::size_t num_pools = 0;
  };

  int number(const std::string& prefix, const char* suffix) const {
    return numbers_(concat(prefix, suffix));
  }

  /// An entry at the present size. Reductions are added when somebody reads their result.
  int read(int number) {
    Entry& entry = entries_[static_cast<std::size_t>(number)];
    for (; entry.num_pools < num_pools_; ++entry.num_pools) {
      const std::string name = concat("reduction/", pools_[entry.num_pools], "/", number);
      entry.image = child_.reduction(
          entry.image,
          {numbers_(name + "/even"), numbers_(name + "/odd"), numbers_(name + "/norm")},
          options_.norm_epsilon);
    }
    return entry.image;
  }

  int add_layer(int layer) {
    const space::MacroNet::Layer& chosen = net_.layers[static_cast<std::size_t>(layer)];
    const std::string name = branch_name(layer, chosen.operation);
    const int own = options_.operation_order == OperationOrder::conv_norm_relu
                        ? conv_norm_relu(name, chosen.operation, read(layer))
                        : relu_conv_norm(name, chosen.operation, read(layer));
    if (layer == 0) return own;
    const int merged = options_.skip_merge == SkipMerge::sum
                           ? sum(chosen.skips, own)
                           : concatenate(layer, chosen.skips, own);
    return child_.norm(merged, numbers_(concat("layer/", layer, "/norm")), options_.norm_epsilon);
  }

  int conv_norm_relu(const std::string& name, space::Operation operation, int image) {
    image = child_.convolution(image, number(name, "/in"));
    image = child_.norm_relu(image, number(name, "/in_norm"), options_.norm_epsilon);
    if (is_pool(operation)) return pool(operation, image);
    image = kernel(name, operation, image);
    return child_.norm_relu(image, number(name, "/norm"), options_.kernel_norm_epsilon);
  }

  int relu_conv_norm(const std::string& name, space::Operation operation, int image) {
    image = child_.convolution(child_.relu(image), number(name, "/in"));
    if (is_pool(operation)) {
      image = child_.norm(image, number(name, "/in_norm"), options_.norm_epsilon);
      return pool(operation, image);
    }
    image = child_.norm_relu(image, number(name, "/in_norm"), options_.norm_epsilon);
    image = kernel(name, operation, image);
    return child_.norm(image, number(name, "/norm"), options_.kernel_norm_epsilon);
  }

  int kernel(const std::string& name, space::Operation operation, int image) {
    if (!is_separable(operation)) return child_.convolution(image, number(name, "/conv"));
    return child_.separable(image, number(name, "/depthwise"), number(name, "/pointwise"));
  }

  int pool(space::Operation operation, int image) {
    return operation == space::Operation::avg_pool_3x3 ? child_.avg_pool(image)
                                                       : child_.max_pool(image);
  }

  int sum(const std::vector<int>& skips, int own) {
    std::vector<int> terms = {own};
    for (const int entry : skips) terms.push_back(read(entry));
    return child_.sum(terms);
  }

  int concatenate(int layer, const std::vector<int>& skips, int own) {
    std::vector<int> images;
    std::vector<int> blocks;
    for (const int entry : skips) {
      images.push_back(read(entry));
      blocks.push_back(numbers_(concat("layer/", layer, "/merge/", entry)));
    }
    images.push_back(own);
    blocks.push_back(numbers_(concat("layer/", layer, "/merge/own")));
    return child_.merge(images, blocks);
  }

  const space::MacroNet& net_;
  const MacroOptions& options_;
  const WeightNumbers& numbers_;
  std::vector<int> pools_;
  ImageChild child_;
  std::vector<Entry> entries_;
  std::size_t num_pools_ = 0;  // pool layers passed so far
};

}  // namespace

std::vector<WeightShape> macro_weight_shapes(const space::MacroSpaceOptions& space,
                                             const MacroOptions& options, const DataShape& data) {
  return macro_weights(space, options, data).shapes();
}

MacroSupernet::MacroSupernet(const space::MacroSpaceOptions& space, const MacroOptions& options,
                             const DataShape& data, std::uint64_t seed)
    : ImageSupernet(space::macro_space(space), data, {options.drop_features, options.kernels},
                    checked_weights(space, options, data), seed),
      space_(space),
      options_(options) {}

ImageChild MacroSupernet::build(const space::Architecture& architecture,
                                const WeightNumbers& numbers) const {
  return MacroBuilder(space::macro_net(space_, decisions(), architecture), options_, numbers)
      .build();
}

}  // namespace enas::supernet
