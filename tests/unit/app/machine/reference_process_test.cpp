// SPDX-License-Identifier: Apache-2.0
#include "app/machine/reference_process.hpp"

#include <gtest/gtest.h>

#include "unit/app/config/config_helpers.hpp"

namespace enas::app {
namespace {

CommandLine bench_line() {
  return parse_command_line({"bench", "--config", "a.toml", "--set", "supernet.kernels=fused",
                             "--set", "weights.slots=3", "--steps", "7", "--repeats", "2",
                             "--phase", "weights", "--reference"});
}

Settings settings_of(const std::string& text) {
  Settings settings = read(text).settings;
  settings.run.threads = 2;
  return settings;
}

TEST(ReferenceProcess, IsAskedForTheSameInPlainOperations) {
  auto arguments = reference_arguments(bench_line(), settings_of(kMarkov));
  ASSERT_EQ(arguments.front(), "enas_hpc");
  arguments.erase(arguments.begin());
  const CommandLine line = parse_command_line(arguments);
  EXPECT_EQ(line.command, Command::bench);
  EXPECT_EQ(line.config_file, "a.toml");
  EXPECT_EQ(line.bench.steps, 7);
  EXPECT_EQ(line.bench.repeats, 2);
  EXPECT_EQ(line.bench.phase, "weights");
  EXPECT_FALSE(line.bench.reference);
  EXPECT_TRUE(line.bench.lockstep);
  EXPECT_TRUE(line.json);
  const Settings settings =
      read(kMarkov + "supernet.precision = \"bfloat16\"\n", line.sets).settings;
  EXPECT_EQ(settings.weights.slots, 3);
  EXPECT_EQ(settings.run.threads, 2);
  EXPECT_EQ(settings.supernet.recurrent.kernels, supernet::Kernels::eager);
  EXPECT_EQ(settings.supernet.recurrent.precision, nn::Precision::float32);
}

TEST(ReferenceProcess, ImageSpacesHaveNoPrecision) {
  const std::string text = "space.kind = \"macro\"\ndata.source = \"shapes\"\n";
  const auto arguments = reference_arguments(bench_line(), settings_of(text));
  const CommandLine line = parse_command_line({arguments.begin() + 1, arguments.end()});
  EXPECT_EQ(read(text, line.sets).settings.supernet.macro.kernels, supernet::Kernels::eager);
}

TEST(ReferenceProcess, LeavesTheMpiJobAndTheSettings) {
  const auto kept =
      reference_environment({"PATH=/bin", "OMPI_COMM_WORLD_SIZE=1", "PMIX_RANK=0", "PMI_RANK=0",
                             "OMP_NUM_THREADS=2", "ENAS_HPC_KEEP_MEMORY=1"});
  EXPECT_EQ(kept, (std::vector<std::string>{"PATH=/bin", "OMP_NUM_THREADS=2",
                                            "ENAS_HPC_MKL_FAST_PATH=0", "ENAS_HPC_KEEP_MEMORY=0"}));
}

}  // namespace
}  // namespace enas::app
