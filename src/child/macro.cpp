// SPDX-License-Identifier: Apache-2.0
#include "child/macro.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "child/image_options.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::child {
namespace {

void check(const space::MacroNet& net, const MacroNetworkOptions& options) {
  expect(!net.layers.empty(), "a macro architecture has layers");
  check_at_least("filters", options.filters, 1);
  check_drop("dropout", options.dropout);
  if (!options.released) return;
  for (std::size_t layer = 0; layer < net.layers.size(); ++layer) {
    const space::Operation operation = net.layers[layer].operation;
    if (!is_pool(operation)) continue;
    throw ConfigError(concat("layer ", layer, " of the architecture is ", space::name_of(operation),
                             ", which the authors' final network cannot build; set train.released "
                             "to false to train it"));
  }
}

/// Walks one architecture.
class Builder {
 public:
  Builder(const space::MacroNet& net, const MacroNetworkOptions& options,
          const nn::DataShape& shape)
      : net_(net),
        options_(options),
        filters_(options.filters),
        plan_(shape, options.norm_epsilon) {}

  ImagePlan build() {
    const int stem = plan_.convolution(0, "stem/conv", filters_, 3);
    entries_.push_back(plan_.norm(stem, "stem/norm"));
    const int num_layers = static_cast<int>(net_.layers.size());
    const std::vector<int> pools = space::pool_layers(num_layers);
    for (int layer = 0; layer < num_layers; ++layer) {
      entries_.push_back(add_layer(layer));
      if (std::find(pools.begin(), pools.end(), layer) != pools.end()) reduce_entries(layer);
    }
    plan_.classify(entries_.back());
    return std::move(plan_);
  }

 private:
  int add_layer(int layer) {
    const space::MacroNet::Layer& chosen = net_.layers[static_cast<std::size_t>(layer)];
    const int own = operate(concat("layer/", layer, "/", space::name_of(chosen.operation)),
                            chosen.operation, entries_.back());
    if (layer == 0) return own;
    std::vector<int> images;
    for (const int entry : chosen.skips) {
      expect(entry >= 0 && entry < layer, "a skip reads the stem or an earlier layer");
      images.push_back(entries_[static_cast<std::size_t>(entry)]);
    }
    images.push_back(own);
    const int merged = plan_.convolution(plan_.relu(plan_.concatenate(images)),
                                         concat("layer/", layer, "/merge"), filters_, 1);
    return plan_.norm(merged, concat("layer/", layer, "/norm"));
  }

  int operate(const std::string& name, space::Operation operation, int image) {
    image = plan_.convolution(plan_.relu(image), name + "/in", filters_, 1);
    image = plan_.norm(image, name + "/in_norm");
    if (operation == space::Operation::avg_pool_3x3) return plan_.avg_pool(image);
    if (operation == space::Operation::max_pool_3x3) return plan_.max_pool(image);
    image = plan_.relu(image);
    const int k = kernel_size(operation);
    if (is_separable(operation) && !options_.released) {
      image = plan_.depthwise(image, name + "/depthwise", k);
      image = plan_.convolution(image, name + "/pointwise", filters_, 1);
    } else {
      image = plan_.convolution(image, name + "/conv", filters_, k);
    }
    return plan_.norm(image, name + "/norm");
  }

  /// Later layers read entries of half the size and twice the channels.
  void reduce_entries(int pool) {
    filters_ *= 2;
    for (std::size_t entry = 0; entry < entries_.size(); ++entry) {
      if (!is_read_after(pool, static_cast<int>(entry))) continue;
      entries_[entry] =
          plan_.reduction(entries_[entry], concat("reduction/", pool, "/", entry), filters_);
    }
  }

  bool is_read_after(int layer, int entry) const {
    for (int later = layer + 1; later < static_cast<int>(net_.layers.size()); ++later) {
      const std::vector<int>& skips = net_.layers[static_cast<std::size_t>(later)].skips;
      if (later == entry || std::find(skips.begin(), skips.end(), entry) != skips.end())
        return true;
    }
    return false;
  }

  const space::MacroNet& net_;
  const MacroNetworkOptions& options_;
  std::int64_t filters_;
  ImagePlan plan_;
  std::vector<int> entries_;  // the stem, then the layers' outputs
};

}  // namespace

ImagePlan macro_plan(const space::MacroNet& net, const MacroNetworkOptions& options,
                     const nn::DataShape& shape) {
  check(net, options);
  return Builder(net, options, shape).build();
}

}  // namespace enas::child
