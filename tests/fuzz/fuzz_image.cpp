// SPDX-License-Identifier: Apache-2.0
// Any bytes as an HDF5 image, past the seal of checkpoints and logs. Most of what runs is libhdf5.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "read_everything.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  enas::io::read_everything(enas::io::Image(std::vector<std::byte>(bytes, bytes + size)));
  return 0;
}
