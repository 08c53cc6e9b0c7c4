// SPDX-License-Identifier: Apache-2.0
// What the code under test says when it refuses something.
#pragma once

#include <string>

#include "core/error.hpp"

namespace enas {

/// Message of the exception of exactly this kind that `work` throws, or "" when it throws none.
template <typename Kind, typename Work>
std::string thrown(Work&& work) {
  try {
    work();
  } catch (const Kind& error) {
    return error.what();
  }
  return "";
}

/// Exit code of the Error that `work` throws, or success.
template <typename Work>
ExitCode thrown_code(Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code();
  }
  return ExitCode::success;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace enas
