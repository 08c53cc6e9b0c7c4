// SPDX-License-Identifier: Apache-2.0
#include "child/pytorch_model.hpp"

#include <gtest/gtest.h>

#include "child/pytorch_forward.hpp"

namespace enas::child {
namespace {

void expect_part(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "no\n" << part << "\nin\n" << text;
}

TEST(PytorchModel, NamesNodesAndOutputsOfACell) {
  space::RecurrentCell cell;
  cell.nodes = {{-1, 3, space::Activation::sigmoid},
                {0, 1, space::Activation::relu},
                {0, 2, space::Activation::identity}};
  RecurrentNetworkOptions options;
  options.hidden = 12;
  const std::string text = pytorch_model(cell, options, 34, 5);
  expect_part(text,
              "NODES = (\n    (None, \"sigmoid\"),\n    (0, \"relu\"),\n    (0, \"identity\"),\n)\n"
              "OUTPUTS = (1, 2,)");
  expect_part(text, "\nVOCABULARY = 34\nHIDDEN = 12\nOUTPUT_BIAS = False\n");
  expect_part(text, "\nTEST_COLUMNS = 5  #");
  expect_part(text, cell.text());
  options.output_bias = true;
  options.cell_output = CellOutput::all;
  expect_part(pytorch_model(cell, options, 34, 1), "OUTPUT_BIAS = True\n");
  expect_part(pytorch_model(cell, options, 34, 1), "OUTPUTS = (0, 1, 2,)");
}

TEST(PytorchForward, WritesOneLineAStepAndUsesVariablesAgain) {
  ImagePlan plan({.channels = 3, .height = 8, .width = 8, .num_classes = 4}, 1e-5);
  const int stem = plan.norm(plan.convolution(0, "stem/conv", 6, 3), "stem/norm");
  const int left = plan.norm(plan.convolution(plan.relu(stem), "cell/0/a", 6, 1), "cell/0/a_norm");
  const int right = plan.drop_path(plan.max_pool(stem, 2), 0.5);
  const int halved = plan.reduction(left, "cell/1/half", 6);
  const int both = plan.concatenate({plan.sum(halved, right), plan.avg_pool(left, 2)});
  plan.classify(plan.relu(both));
  plan.classify_auxiliary(both);
  EXPECT_EQ(pytorch_forward(plan),
            "        # stem\n"
            "        x1 = self.conv(images, \"stem/conv\")\n"
            "        x1 = self.norm(x1, \"stem/norm\")\n"
            "        # cell/0\n"
            "        x2 = self.conv(relu(x1), \"cell/0/a\")\n"
            "        x2 = self.norm(x2, \"cell/0/a_norm\")\n"
            "        x1 = max_pool(x1, stride=2)\n"
            "        # cell/1\n"
            "        x3 = self.reduction(x2, \"cell/1/half\")\n"
            "        x3 = self.norm(x3, \"cell/1/half/norm\")\n"
            "        x3 = x3 + x1\n"
            "        x2 = avg_pool(x2, stride=2)\n"
            "        x3 = torch.cat((x3, x2), 1)\n"
            "        x3 = relu(x3)\n"
            "        # head\n"
            "        return linear(x3.mean((2, 3)), self.tensor(\"head\"))\n");
}

TEST(PytorchModel, HoldsTheForwardPassOfTheNetwork) {
  space::MacroNet net;
  net.layers = {{0, space::Operation::conv_3x3, {}}, {1, space::Operation::sep_conv_5x5, {0}}};
  MacroNetworkOptions options;
  options.filters = 4;
  const nn::DataShape shape{.channels = 1, .height = 6, .width = 5, .num_classes = 3};
  const std::string text = pytorch_model(net, options, shape, {{0.1}, {0.25}});
  expect_part(text, pytorch_forward(macro_plan(net, options, shape)));
  expect_part(text, "\nIMAGE = (1, 6, 5)  # channels, height, width\nCLASSES = 3\n");
  expect_part(text, "\nMEAN = (0.1,)\nSTANDARD_DEVIATION = (0.25,)\n");
  expect_part(text, net.text());
}

TEST(PytorchModel, WritesStatisticsOfPixelsWithAllDigits) {
  space::MacroNet net;
  net.layers = {{0, space::Operation::conv_3x3, {}}};
  MacroNetworkOptions options;
  options.filters = 4;
  const nn::DataShape shape{.channels = 3, .height = 6, .width = 5, .num_classes = 3};
  const std::string text =
      pytorch_model(net, options, shape, {{1.0 / 3.0, 0.5, 1e-9}, {0.0, 2.0 / 3.0, 1.0}});
  expect_part(text, "\nMEAN = (0.3333333333333333, 0.5, 1e-09)\n");
  expect_part(text, "\nSTANDARD_DEVIATION = (1, 0.6666666666666666, 1)\n");
}

}  // namespace
}  // namespace enas::child
