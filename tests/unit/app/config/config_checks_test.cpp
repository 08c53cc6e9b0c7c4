// SPDX-License-Identifier: Apache-2.0
#include "app/config/config_checks.hpp"

#include <gtest/gtest.h>

#include "unit/app/config/config_helpers.hpp"

namespace enas::app {
namespace {

const std::string kMacro = "space.kind = \"macro\"\n";
const std::string kMicro = "space.kind = \"micro\"\n";
const std::string kShapes = "data.source = \"shapes\"\n";

TEST(ConfigChecks, ContradictionsOfTheRecurrentSpace) {
  EXPECT_EQ(refusal(kMarkov + "space.nodes = 1\nspace.first_node = \"tanh\"\n").message,
            "t.toml: space.nodes must be at least 2 with space.first_node = \"tanh\", is 1");
}

TEST(ConfigChecks, SourceAndKindMustFit) {
  for (const std::string source : {"folder", "markov"}) {
    for (const std::string kind : {"macro", "micro"}) {
      EXPECT_EQ(
          refusal("space.kind = \"" + kind + "\"\ndata.source = \"" + source + "\"\n").message,
          "t.toml: data.source = \"" + source + "\" is text but space.kind = \"" + kind +
              "\" needs images: \"cifar10\", \"cifar100\", \"hdf5\" or \"shapes\"");
    }
  }
  for (const std::string source : {"cifar10", "cifar100", "hdf5", "shapes"}) {
    EXPECT_EQ(refusal("data.source = \"" + source + "\"\n").message,
              "t.toml: data.source = \"" + source +
                  "\" is images but space.kind = \"recurrent\" needs text: \"folder\" or "
                  "\"markov\"");
  }
}

TEST(ConfigChecks, PathIsNeededByFilesAlone) {
  EXPECT_EQ(refusal("").message,
            "t.toml: data.path is missing: data.source = \"folder\" needs the folder with train, "
            "valid and test text");
  EXPECT_EQ(refusal("", {"data.path=somewhere"}).message, "");
  EXPECT_EQ(refusal(kMacro).message,
            "t.toml: data.path is missing: data.source = \"cifar10\" needs the folder of its "
            "binary files");
  EXPECT_EQ(refusal(kMicro + "data.source = \"cifar100\"\n").message,
            "t.toml: data.path is missing: data.source = \"cifar100\" needs the folder of its "
            "binary files");
  EXPECT_EQ(refusal(kMacro + "data.source = \"hdf5\"\n").message,
            "t.toml: data.path is missing: data.source = \"hdf5\" needs the file with images and "
            "labels");
  EXPECT_EQ(refusal(kMacro + "data.source = \"hdf5\"\ndata.path = \"a.h5\"\n").message, "");
  EXPECT_EQ(refusal(kMacro + kShapes).message, "");
  EXPECT_EQ(refusal(kMarkov).message, "");
}

TEST(ConfigChecks, MicroCellsNeedAComputedNode) {
  EXPECT_EQ(refusal(kMicro + kShapes + "space.nodes = 2\n").message,
            "t.toml: space.nodes must be at least 3 with space.kind = \"micro\": two inputs and "
            "what is computed from them, is 2");
  EXPECT_EQ(refusal(kMicro + kShapes + "space.nodes = 3\n").message, "");
}

TEST(ConfigChecks, OperationsAreThoseOfTheKind) {
  EXPECT_EQ(refusal(kMacro + kShapes + "space.operations = [\"conv_3x3\", \"identity\"]\n").message,
            "t.toml: space.operations has \"identity\" but space.kind = \"macro\" has only "
            "\"conv_3x3\", \"sep_conv_3x3\", \"conv_5x5\", \"sep_conv_5x5\", \"avg_pool_3x3\", "
            "\"max_pool_3x3\"");
  EXPECT_EQ(refusal(kMicro + kShapes + "space.operations = [\"conv_5x5\"]\n").message,
            "t.toml: space.operations has \"conv_5x5\" but space.kind = \"micro\" has only "
            "\"sep_conv_3x3\", \"sep_conv_5x5\", \"avg_pool_3x3\", \"max_pool_3x3\", \"identity\"");
}

TEST(ConfigChecks, ReductionsHalveAnEvenNumberOfChannels) {
  EXPECT_EQ(refusal(kMicro + kShapes + "supernet.filters = 7\n").message,
            "t.toml: supernet.filters must be even, is 7: each of a reduction's two paths makes "
            "half of the channels");
  EXPECT_NE(refusal(kMacro + kShapes + "supernet.filters = 7\n").message, "");
  EXPECT_EQ(refusal(kMacro + kShapes + "supernet.filters = 7\nspace.layers = 2\n").message, "");
  EXPECT_EQ(refusal(kMicro + kShapes + "supernet.filters = 8\n").message, "");
}

TEST(ConfigChecks, OnlyFusedKernelsRound) {
  const std::string bfloat16 = kMarkov + "supernet.precision = \"bfloat16\"\n";
  EXPECT_EQ(refusal(bfloat16).message, "");
  EXPECT_EQ(
      refusal(bfloat16 + "supernet.kernels = \"eager\"\n").message,
      "t.toml: supernet.precision = \"bfloat16\" needs supernet.kernels = \"fused\": the eager "
      "ones are the reference and know only \"float32\"");
  EXPECT_EQ(refusal(kMarkov + "supernet.kernels = \"eager\"\n").message, "");
  EXPECT_EQ(refusal(kMacro + kShapes + "supernet.kernels = \"eager\"\n").message, "");
  // Whether there is a GPU that rounds for images is seen when a run starts.
  EXPECT_EQ(refusal(kMacro + kShapes + "supernet.precision = \"bfloat16\"\n").message, "");
}

}  // namespace
}  // namespace enas::app
