// SPDX-License-Identifier: Apache-2.0
// What `enas_hpc bench` prints, as JSON and as a table of it.
#pragma once

#include <string>

#include "app/config/key.hpp"
#include "bench/bench.hpp"
#include "core/json.hpp"

namespace enas::app {

/// Configuration and measurements, without what the machine can do.
Json bench_json(const Settings& settings, const bench::Options& options,
                const bench::Report& report);
/// Adds GFLOP/s and, of `peak` GFLOP/s, the share.
void add_rates(Json& bench, double peak);
/// How many times as long the reference took, piece by piece, and both peak memories.
Json comparison_json(const Json& bench, const Json& reference);

/// The table. With members "machine", "reference" and "comparison" their parts too.
std::string bench_text(const Json& bench);

}  // namespace enas::app
