// SPDX-License-Identifier: Apache-2.0
// fuzz_seeds FOLDER: writes a small image with one thing of each kind, bare and sealed.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <vector>

#include "io/durable_file.hpp"
#include "io/hdf5_image.hpp"
#include "io/sealed_file.hpp"

namespace {

enas::io::Image small_image() {
  enas::io::ImageWriter image(4096);
  image.attribute("/", "format", "enas_hpc checkpoint");
  image.attribute("/", "format_version", std::int64_t{2});
  image.attribute("/", "configuration", "run.seed = 1\n");
  image.attribute("/", "lr_factor", 0.5);
  image.group("/weights");
  const std::vector<float> weights = {1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F};
  const std::vector<std::int64_t> shape = {2, 3};
  image.dataset<float>("/weights/embedding", weights, shape);
  image.group("/strategy");
  image.dataset("/strategy/baseline", std::vector<double>{0.25});
  image.attribute("/strategy/baseline", "step", std::int64_t{7});
  image.dataset("/strategy/adam_steps", std::vector<std::int64_t>{3});
  image.dataset("/tokens", std::vector<std::int32_t>{0, 1, 2});
  image.strings("/jobs", {"17", "a longer name of a job"});
  return image.finish();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  const auto image = small_image();
  const std::span<const std::byte> bytes(image);
  enas::io::write_durable(folder / "bare.h5", bytes);
  enas::io::write_sealed(folder / "sealed.h5", bytes);
}
