// SPDX-License-Identifier: Apache-2.0
// Names of operations, and which lists of them a space can be made of.
#include "space/operation.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/error.hpp"
#include "core/text.hpp"
#include "core/utf8.hpp"

namespace enas::space {
namespace {

constexpr std::array<std::pair<Operation, std::string_view>, 7> kOperationNames = {
    {{Operation::conv_3x3, "conv_3x3"},
     {Operation::sep_conv_3x3, "sep_conv_3x3"},
     {Operation::conv_5x5, "conv_5x5"},
     {Operation::sep_conv_5x5, "sep_conv_5x5"},
     {Operation::avg_pool_3x3, "avg_pool_3x3"},
     {Operation::max_pool_3x3, "max_pool_3x3"},
     {Operation::identity, "identity"}}};

/// DARTS can choose or has code for them, and no space here has them.
constexpr std::array<std::string_view, 5> kOnlyInDarts = {"none", "dil_conv_3x3", "dil_conv_5x5",
                                                          "sep_conv_7x7", "conv_7x1_1x7"};

}  // namespace

std::string_view name_of(Operation operation) {
  for (const auto& [known, name] : kOperationNames) {
    if (known == operation) return name;
  }
  throw ContractError(concat("no operation has the number ", static_cast<int>(operation)));
}

Operation operation_from_name(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& [operation, known] : kOperationNames) {
    if (known == name) return operation;
    names.push_back(known);
  }
  const std::string remark = operation_remark(name);
  throw InputError(concat("unknown operation '", visible(name, 40), "'",
                          remark.empty() ? "" : ", " + remark, ": known are ", join(names, ", ")));
}

std::string operation_remark(std::string_view name) {
  if (name == "skip_connect") return "called identity here";
  const bool is_of_darts =
      std::find(kOnlyInDarts.begin(), kOnlyInDarts.end(), name) != kOnlyInDarts.end();
  return is_of_darts ? "an operation of DARTS that this space does not have" : "";
}

std::vector<std::string> names_of(const std::vector<Operation>& operations) {
  std::vector<std::string> names;
  for (const Operation operation : operations) names.emplace_back(name_of(operation));
  return names;
}

void require_operations(const std::vector<Operation>& operations,
                        const std::vector<Operation>& allowed, std::string_view space) {
  const auto known = [&] { return join(names_of(allowed), ", "); };
  if (operations.empty()) {
    throw ConfigError(concat("the ", space, " space has no operations: name at least one of ",
                             known(), " (space.operations)"));
  }
  for (auto it = operations.begin(); it != operations.end(); ++it) {
    if (std::find(allowed.begin(), allowed.end(), *it) == allowed.end()) {
      throw ConfigError(concat("the ", space, " space has no operation '", name_of(*it),
                               "': allowed are ", known(), " (space.operations)"));
    }
    if (std::find(operations.begin(), it, *it) != it) {
      throw ConfigError(concat("the operation '", name_of(*it),
                               "' is listed twice: each may appear once (space.operations)"));
    }
  }
}

bool is_pool(Operation operation) {
  return operation == Operation::avg_pool_3x3 || operation == Operation::max_pool_3x3;
}

bool is_separable(Operation operation) {
  return operation == Operation::sep_conv_3x3 || operation == Operation::sep_conv_5x5;
}

int kernel_size(Operation operation) {
  if (operation == Operation::identity) return 0;
  return operation == Operation::conv_5x5 || operation == Operation::sep_conv_5x5 ? 5 : 3;
}

}  // namespace enas::space
