// SPDX-License-Identifier: Apache-2.0
// Any bytes as a configuration: read, or refused with an error of ours.
#include <cstddef>
#include <cstdint>

#include "app/config/config.hpp"
#include "app/config/config_text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto config =
        enas::app::read_config({reinterpret_cast<const char*>(data), size}, "fuzz.toml", {});
    // What was accepted can be stored, and the stored text reads back.
    const auto record = enas::app::config_record(config.settings, config.preset);
    enas::app::read_config(record.toml, "stored", {});
  } catch (const enas::ConfigError&) {
  }
  return 0;
}
