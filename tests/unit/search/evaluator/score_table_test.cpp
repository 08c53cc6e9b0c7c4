// SPDX-License-Identifier: Apache-2.0
#include "search/evaluator/score_table.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "space/space_options.hpp"
#include "support/thrown.hpp"
#include "unit/io/scratch_folder.hpp"
#include "unit/search/evaluator/score_table_files.hpp"

namespace enas::search {
namespace {

struct ScoreTableTest : testing::Test {
  io::ScratchFolder folder;
  TableContent content;

  ScoreTable table() const {
    const auto file = content.write(folder / "t.h5");
    return {file, space::make_space(table_settings(file).space)};
  }
  /// What an InputError says of the table.
  std::string problem() const {
    return thrown<InputError>([&] { table(); });
  }
  std::string file() const { return (folder / "t.h5").string(); }
};

TEST_F(ScoreTableTest, HoldsTheMeanOfTheTrainings) {
  const ScoreTable good = table();
  EXPECT_EQ(good.loss({"recurrent/2", {0, 0, 0}}), 1.5);
  EXPECT_EQ(good.loss({"recurrent/2", {0, 0, 1}}), 0.625);
  EXPECT_EQ(good.loss({"recurrent/2", {1, 0, 1}}), 1.5);
  EXPECT_EQ(good.lowest_loss(), 0.625);
  EXPECT_EQ(good.highest_loss(), 3.25);
  EXPECT_EQ(good.num_architectures(), 4);
  EXPECT_EQ(good.num_trainings(), 2);
  EXPECT_EQ(good.name(), "t.h5");
}

TEST_F(ScoreTableTest, DigestFollowsTheContentAlone) {
  const auto digest = table().digest();
  EXPECT_EQ(table().digest(), digest);
  content.loss[3] = 0.76;
  EXPECT_NE(table().digest(), digest);
}

TEST_F(ScoreTableTest, RefusesOtherFiles) {
  EXPECT_EQ(thrown_code([&] {
              ScoreTable(folder / "none.h5", space::make_space(table_settings("").space));
            }),
            ExitCode::missing_input);
  content.format = "enas_hpc log";
  EXPECT_EQ(problem(), file() + " is no table of architectures (evaluation.table)");
  content = {};
  content.version = 1;
  EXPECT_EQ(problem(), file() + " has format version 1; expected 2");
  content = {};
  content.metric = "accuracy";
  EXPECT_EQ(problem(), file() + " compares by \"accuracy\"; expected \"perplexity\"");
  io::write_durable(folder / "text.h5", "perplexity 3.7\n");
  EXPECT_EQ(thrown_code([&] {
              ScoreTable(folder / "text.h5", space::make_space(table_settings("").space));
            }),
            ExitCode::bad_data);
}

TEST_F(ScoreTableTest, RefusesTheTableOfAnotherSpace) {
  content.space = "recurrent/3";
  EXPECT_EQ(thrown<ConfigError>([&] { table(); }),
            file() +
                " is a table of recurrent/3 with tanh, relu; the configuration asks for "
                "recurrent/2 with tanh, relu (space.nodes, space.activations, "
                "space.first_node)");
  content = {};
  content.options = {"relu", "tanh"};
  EXPECT_TRUE(contains(thrown<ConfigError>([&] { table(); }), "recurrent/2 with relu, tanh; "));
}

TEST_F(ScoreTableTest, RefusesWrongSizes) {
  content.token_shape = {6, 2};
  EXPECT_EQ(problem(), file() + ": /tokens has shape [6, 2]; expected [n, 3]");
  content = {};
  content.token_shape = {12};
  EXPECT_EQ(problem(), file() + ": /tokens has shape [12]; expected [n, 3]");
  content = {};
  content.loss_shape = {2, 4};
  EXPECT_EQ(problem(), file() + ": /loss has shape [2, 4]; expected [4, trainings]");
  content = {};
  content.loss = {};
  content.loss_shape = {4, 0};
  EXPECT_EQ(problem(), file() + ": /loss has shape [4, 0]; expected [4, trainings]");
}

TEST_F(ScoreTableTest, RefusesAMissingArchitecture) {
  content.tokens.resize(9);
  content.token_shape = {3, 3};
  content.loss.resize(6);
  content.loss_shape = {3, 2};
  EXPECT_EQ(problem(),
            file() + " has 3 of the 4 architectures of recurrent/2; expected all of them");
}

TEST_F(ScoreTableTest, RefusesAnArchitectureTwice) {
  content.tokens[3 * 3] = 0;
  EXPECT_EQ(problem(), file() + ": row 3: the architecture 0 0 1 is there twice");
}

TEST_F(ScoreTableTest, RefusesTokensOutsideTheSpace) {
  content.tokens[4] = 1;  // node 1 reads node 0 alone
  EXPECT_TRUE(contains(problem(), file() + ": row 1: ")) << problem();
  EXPECT_TRUE(contains(problem(), "node 1 previous")) << problem();
}

TEST_F(ScoreTableTest, RefusesLossesThatAreNotFinite) {
  for (const double loss : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    content.loss[5] = loss;
    EXPECT_TRUE(contains(problem(), file() + ": row 2: the loss is ")) << problem();
  }
}

TEST_F(ScoreTableTest, RefusesEveryDamagedValue) {
  content.write(folder / "t.h5");
  const std::string good = io::read_text(folder / "t.h5", 1 << 20);
  const auto space = space::make_space(table_settings("").space);
  // Bytes of a loss and of a token, found by what surrounds them.
  for (const auto& values : {std::string(reinterpret_cast<const char*>(content.loss.data()), 16),
                             std::string(reinterpret_cast<const char*>(&content.tokens[5]), 16)}) {
    const auto place = good.find(values);
    ASSERT_NE(place, std::string::npos);
    std::string damaged = good;
    damaged[place + 6] = static_cast<char>(damaged[place + 6] ^ 1);
    io::write_durable(folder / "damaged.h5", damaged);
    EXPECT_EQ(thrown_code([&] { ScoreTable(folder / "damaged.h5", space); }), ExitCode::bad_data);
  }
  io::write_durable(folder / "short.h5", good.substr(0, good.size() / 2));
  EXPECT_EQ(thrown_code([&] { ScoreTable(folder / "short.h5", space); }), ExitCode::bad_data);
}

}  // namespace
}  // namespace enas::search
