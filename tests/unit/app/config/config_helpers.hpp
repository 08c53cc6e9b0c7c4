// SPDX-License-Identifier: Apache-2.0
// What the tests of configurations share.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/config/config.hpp"

namespace enas::app {

/// A valid configuration on its own, to which tests add lines.
inline const std::string kMarkov = "data.source = \"markov\"\n";

/// Reads `text` as "t.toml".
inline Config read(const std::string& text, const std::vector<std::string>& sets = {}) {
  return read_config(text, "t.toml", sets);
}

struct Refusal {
  std::string message;  ///< "" when nothing was thrown
  ExitCode code = ExitCode::success;
};

inline Refusal refusal_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return {error.what(), error.code()};
  }
  return {};
}

inline Refusal refusal(const std::string& text, const std::vector<std::string>& sets = {}) {
  return refusal_of([&] { read(text, sets); });
}

}  // namespace enas::app
