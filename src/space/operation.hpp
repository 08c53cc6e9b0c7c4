// SPDX-License-Identifier: Apache-2.0
// Operations of the convolutional spaces. Files hold names, never these numbers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace enas::space {

enum class Operation {
  conv_3x3,
  sep_conv_3x3,
  conv_5x5,
  sep_conv_5x5,
  avg_pool_3x3,
  max_pool_3x3,
  identity,
};

std::string_view name_of(Operation operation);
/// Throws InputError listing the known names.
Operation operation_from_name(std::string_view name);
/// What a name is that no operation here has, as "an operation of DARTS that ..."; "" when that is
/// not known.
std::string operation_remark(std::string_view name);
std::vector<std::string> names_of(const std::vector<Operation>& operations);

bool is_pool(Operation operation);
bool is_separable(Operation operation);
/// 3 or 5; 0 for identity.
int kernel_size(Operation operation);

/// Throws ConfigError unless the list has an operation, none twice, and only allowed ones. `space`
/// is the word for the message: "macro".
void require_operations(const std::vector<Operation>& operations,
                        const std::vector<Operation>& allowed, std::string_view space);

}  // namespace enas::space
