// SPDX-License-Identifier: Apache-2.0
// What `enas_hpc bench --scaling` prints, as JSON and as tables of it.
#pragma once

#include <string>

#include "core/json.hpp"
#include "search/scaling.hpp"

namespace enas::app {

Json scaling_json(const search::Settings& settings, const search::ScalingOptions& options,
                  const search::ScalingReport& report);
std::string scaling_text(const Json& scaling);

}  // namespace enas::app
