// SPDX-License-Identifier: Apache-2.0
#include "app/config/config_checks.hpp"

#include <algorithm>
#include <optional>

#include "app/config/key_relations.hpp"
#include "app/config/schema.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::app {
namespace {

using space::SpaceKind;
using task::DataSource;
using Problem = std::optional<std::string>;

bool is_text(DataSource source) {
  return source == DataSource::folder || source == DataSource::markov;
}

/// "data.source = \"markov\"".
std::string source_text(const Settings& settings) {
  return concat("data.source = ", toml_text(find_key("data.source")->value_in(settings)));
}

std::string kind_text(const Settings& settings) {
  return concat("space.kind = \"", name_of(settings.space.kind), "\"");
}

bool is_table(const Settings& settings) {
  return settings.evaluation.kind == search::Evaluation::table;
}

Problem table(const Settings& settings) {
  if (!is_table(settings)) return std::nullopt;
  if (settings.space.kind != SpaceKind::recurrent) {
    return concat("search.evaluation = \"table\" is for space.kind = \"recurrent\", but ",
                  kind_text(settings));
  }
  if (!settings.evaluation.table.empty()) return std::nullopt;
  return "evaluation.table is missing: search.evaluation = \"table\" needs the file with the "
         "scores";
}

Problem source_and_kind(const Settings& settings) {
  if (is_table(settings)) return std::nullopt;
  const bool wants_text = settings.space.kind == SpaceKind::recurrent;
  if (is_text(settings.data.source) == wants_text) return std::nullopt;
  return concat(source_text(settings), wants_text ? " is images but " : " is text but ",
                kind_text(settings),
                wants_text ? R"( needs text: "folder" or "markov")"
                           : R"( needs images: "cifar10", "cifar100", "hdf5" or "shapes")");
}

Problem path(const Settings& settings) {
  if (!settings.data.path.empty() || source_and_kind(settings)) return std::nullopt;
  if (is_table(settings)) return std::nullopt;
  std::string_view wanted;
  switch (settings.data.source) {
    case DataSource::folder:
      wanted = "the folder with train, valid and test text";
      break;
    case DataSource::cifar10:
    case DataSource::cifar100:
      wanted = "the folder of its binary files";
      break;
    case DataSource::hdf5:
      wanted = "the file with images and labels";
      break;
    case DataSource::markov:
    case DataSource::shapes:
      return std::nullopt;
  }
  return concat("data.path is missing: ", source_text(settings), " needs ", wanted);
}

Problem prefix(const Settings& settings) {
  const std::string& prefix = settings.data.prefix;
  if (prefix.empty() || settings.data.source == DataSource::folder) return std::nullopt;
  return concat("data.prefix = ", toml_text(prefix), " is for data.source = \"folder\", but ",
                source_text(settings));
}

/// The embedded images come in splits already.
Problem splits(const Settings& settings) {
  const auto& split = settings.data.split;
  if (settings.data.source != DataSource::shapes) return std::nullopt;
  if (split.limit_train == 0 && !split.shuffle_split) return std::nullopt;
  return concat(split.shuffle_split ? "data.shuffle_split" : "data.limit_train",
                " is for image files: data.source = \"shapes\" has data.shapes.train_images and "
                "data.shapes.valid_images");
}

Problem nodes(const Settings& settings) {
  const auto& recurrent = settings.space.recurrent;
  const int micro_nodes = settings.space.micro.nodes;
  if (!space::is_of_images(settings.space.kind) && recurrent.first_node == space::FirstNode::tanh &&
      recurrent.nodes < 2) {
    return concat("space.nodes must be at least 2 with space.first_node = \"tanh\", is ",
                  recurrent.nodes);
  }
  if (settings.space.kind == SpaceKind::micro && micro_nodes < 3) {
    return concat("space.nodes must be at least 3 with ", kind_text(settings),
                  ": two inputs and what is computed from them, is ", micro_nodes);
  }
  return std::nullopt;
}

/// The names in space.operations.
std::vector<std::string> operation_names(const Settings& settings) {
  return std::get<std::vector<std::string>>(find_key("space.operations")->value_in(settings));
}

Problem operations(const Settings& settings) {
  if (!space::is_of_images(settings.space.kind)) return std::nullopt;
  Settings all;  // by default a space has all that it can have
  all.space.kind = settings.space.kind;
  const std::vector<std::string> known = operation_names(all);
  for (const std::string& name : operation_names(settings)) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return concat("space.operations has \"", name, "\" but ", kind_text(settings), " has only \"",
                    join(known, "\", \""), "\"");
    }
  }
  return std::nullopt;
}

Problem filters(const Settings& settings) {
  const bool macro = settings.space.kind == SpaceKind::macro;
  const bool reduces =
      macro ? settings.space.macro.layers >= 3 : settings.space.kind == SpaceKind::micro;
  const int filters = macro ? settings.supernet.macro.filters : settings.supernet.micro.filters;
  if (!reduces || filters % 2 == 0) return std::nullopt;
  return concat("supernet.filters must be even, is ", filters,
                ": each of a reduction's two paths makes half of the channels");
}

Problem precision(const Settings& settings) {
  const auto& options = settings.supernet.recurrent;
  if (settings.space.kind != SpaceKind::recurrent || options.precision != nn::Precision::bfloat16 ||
      options.kernels == supernet::Kernels::fused) {
    return std::nullopt;
  }
  return "supernet.precision = \"bfloat16\" needs supernet.kernels = \"fused\": the eager ones are "
         "the reference and know only \"float32\"";
}

}  // namespace

std::vector<std::string> problems_together(const Settings& settings) {
  std::vector<std::string> problems;
  for (auto* check :
       {table, source_and_kind, path, prefix, splits, nodes, operations, filters, precision}) {
    if (auto problem = check(settings)) problems.push_back(std::move(*problem));
  }
  for (auto& problem : broken_bounds(settings)) problems.push_back(std::move(problem));
  return problems;
}

}  // namespace enas::app
