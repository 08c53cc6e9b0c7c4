// SPDX-License-Identifier: Apache-2.0
// What `enas_hpc bench --scaling` prints, as JSON and as tables of it.
#pragma once

#include <string>

#include "app/config/settings.hpp"
#include "bench/scaling.hpp"
#include "core/json.hpp"

namespace enas::app {

Json scaling_json(const Settings& settings, const bench::ScalingOptions& options,
                  const bench::ScalingReport& report);
std::string scaling_text(const Json& scaling);

}  // namespace enas::app
