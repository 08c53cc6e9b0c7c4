// SPDX-License-Identifier: Apache-2.0
// What one key says about another: which bounds which, and which is not read beside which.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/config/key.hpp"

namespace enas::app {

/// `smaller` must not be above `larger`; both are names of keys.
struct Bound {
  std::string_view smaller;
  std::string_view larger;
  bool may_be_equal = true;
};

/// Every pair of keys of which one bounds the other, whatever the data and the command are.
std::span<const Bound> bounds();

/// One line for each bound that the settings break, where both keys are in force.
std::vector<std::string> broken_bounds(const Settings& settings);

/// "data.source = \"markov\"" where that is why nothing reads the key; "" where it is read.
std::string why_ignored(const Key& key, const Settings& settings);

}  // namespace enas::app
