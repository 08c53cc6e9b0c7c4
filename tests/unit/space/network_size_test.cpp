// SPDX-License-Identifier: Apache-2.0
// Sizes of networks trained alone: the published ones, and small ones counted by hand.
#include "space/network_size.hpp"

#include <gtest/gtest.h>

#include "space/architecture_file.hpp"
#include "unit/space/refusal.hpp"

namespace enas::space {
namespace {

template <typename View>
View shipped(const char* name) {
  return std::get<View>(load_architecture(name).network);
}

TEST(NetworkSize, RecurrentOfThePaper) {
  const auto size = network_size(shipped<RecurrentCell>("enas-ptb"), {});
  EXPECT_EQ(size.parameters, 22'027'104);
  EXPECT_EQ(size.multiply_adds, 22'027'104.0);
}

TEST(NetworkSize, MicroOfThePaper) {
  const auto net = shipped<MicroNet>("enas-micro");
  const auto size = network_size(net, {});
  EXPECT_EQ(size.parameters, 3'894'372);
  std::vector<int> channels(5, 180);
  channels.push_back(288);
  channels.insert(channels.end(), 5, 360);
  channels.push_back(576);
  channels.insert(channels.end(), 5, 720);
  EXPECT_EQ(size.channels, channels);
}

TEST(NetworkSize, MacroOfThePaper) {
  const auto net = shipped<MacroNet>("enas-macro");
  const auto parameters = [&](int filters, bool released) {
    return network_size(net, {.filters = filters, .released = released}).parameters;
  };
  EXPECT_EQ(parameters(64, true), 18'927'552);
  EXPECT_EQ(parameters(72, true), 23'950'008);
  EXPECT_EQ(parameters(96, true), 42'559'392);
  EXPECT_EQ(parameters(72, false), 17'425'224);
  EXPECT_EQ(parameters(80, false), 21'504'080);
  EXPECT_EQ(parameters(96, false), 30'947'424);
  const auto channels = network_size(net, {.filters = 64}).channels;
  EXPECT_EQ(std::vector<int>(channels.begin() + 6, channels.begin() + 10),
            (std::vector<int>{64, 64, 128, 128}));
  EXPECT_EQ(std::vector<int>(channels.begin() + 14, channels.begin() + 18),
            (std::vector<int>{128, 128, 256, 256}));
}

TEST(NetworkSize, ASmallMacroNetworkCountedByHand) {
  // Three layers: pools after layers 0 and 1. Filters 2, 4, 8 on 4×4, 2×2, 1×1.
  const MacroNet net = {.layers = {macro_layer(Operation::conv_3x3, {}),
                                   macro_layer(Operation::sep_conv_5x5, {}),
                                   macro_layer(Operation::max_pool_3x3, {0})}};
  const ImageTask task = {.channels = 1, .height = 4, .width = 4, .classes = 3};
  const auto size = network_size(net, {.filters = 2, .task = task});
  const std::int64_t stem = 1 * 2 * 9 + 4;
  const std::int64_t layer_0 = 2 * 2 + 4 + 2 * 2 * 9 + 4;
  // The stem is read by layer 2 and so goes through both reductions; layer 0 only through the
  // first, layer 1 only through the second.
  const std::int64_t first_pool = 2 * (2 * 4 + 8);
  const std::int64_t layer_1 = (4 * 4 + 8) + (4 * 25 + 4 * 4 + 8) + (4 * 4 + 8);
  const std::int64_t second_pool = 2 * (4 * 8 + 16);
  const std::int64_t layer_2 = (8 * 8 + 16) + (2 * 8 * 8 + 16);
  EXPECT_EQ(size.parameters, stem + layer_0 + first_pool + layer_1 + second_pool + layer_2 + 8 * 3);
  EXPECT_EQ(size.multiply_adds,
            16 * (18 + 4 + 36) + 4 * (2 * 8) + 4 * (16 + 100 + 16 + 16) + 2 * 32 + (64 + 128) + 24);
  EXPECT_EQ(size.channels, (std::vector<int>{2, 4, 8}));
  expect_words(refusal_of([&] { network_size(net, {.filters = 2, .released = true}); }),
               {"max_pool_3x3", "released"});
}

TEST(NetworkSize, ASmallMicroNetworkCountedByHand) {
  // One normal cell after two reduction cells; in these an input is unread and an identity has
  // stride 2.
  const std::array normal = {micro_side(0, Operation::identity),
                             micro_side(1, Operation::identity)};
  const std::array reduction = {micro_side(0, Operation::identity),
                                micro_side(0, Operation::sep_conv_3x3)};
  const MicroNet net = {.normal = {.nodes = {normal}}, .reduction = {.nodes = {reduction}}};
  const ImageTask task = {.channels = 1, .height = 3, .width = 6, .classes = 2};
  const auto size = network_size(net, {.layers = 1, .filters = 1, .task = task});
  // A reduction cell's own part: extra 1×1, reduced identity and unread input, separable twice.
  const auto own = [](std::int64_t f) { return 3 * (f * f + 2 * f) + 2 * (9 * f + f * f + 2 * f); };
  const std::int64_t stem = 9 * 3 + 6;
  const std::int64_t cell_0 = 2 * (3 * 2 + 4) + own(2);            // in 3, 3; out 4
  const std::int64_t cell_1 = (3 * 4 + 8) + own(4);                // in 3 (larger), 4; out 8
  const std::int64_t cell_2 = (4 * 4 + 8) + (8 * 4 + 8) + 16 + 8;  // in 4 (larger), 8; out 4
  EXPECT_EQ(size.parameters, stem + cell_0 + cell_1 + cell_2 + 4 * 2);
  EXPECT_EQ(size.channels, (std::vector<int>{4, 8, 4}));
  // Maps of 3×6, then 2×3, then 1×2 pixels.
  const std::int64_t adds = 18 * (27 + 2 * 6 + 4) + 6 * (4 + 4 + 2 * (18 + 4)) + 6 * (12 + 16) +
                            2 * (16 + 16 + 2 * (36 + 16)) + 2 * (16 + 32 + 16) + 8;
  EXPECT_EQ(size.multiply_adds, static_cast<double>(adds));
}

}  // namespace
}  // namespace enas::space
