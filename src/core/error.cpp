// SPDX-License-Identifier: Apache-2.0
// Finds mistakes of the program itself.
#include "core/error.hpp"

#include "core/text.hpp"

namespace enas {
namespace {

/// "core/error.cpp" of "/some/where/src/core/error.cpp".
std::string_view folder_and_file(std::string_view path) {
  const std::size_t file = path.rfind('/');
  if (file == std::string_view::npos || file == 0) return path;
  const std::size_t folder = path.rfind('/', file - 1);
  return folder == std::string_view::npos ? path : path.substr(folder + 1);
}

}  // namespace

void expect(bool condition, std::string_view what, std::source_location where) {
  if (condition) [[likely]]
    return;
  throw ContractError(concat("internal error: ", what, " (", folder_and_file(where.file_name()),
                             ":", where.line(), " ", where.function_name(), ")"));
}

}  // namespace enas
