// SPDX-License-Identifier: Apache-2.0
// What space.kind does to the reading of a configuration: which keys there are, and their defaults.
#include <gtest/gtest.h>

#include "unit/app/config/config_helpers.hpp"

namespace enas::app {
namespace {

const std::string kMacro = "space.kind = \"macro\"\ndata.source = \"shapes\"\n";
const std::string kMicro = "space.kind = \"micro\"\ndata.source = \"shapes\"\n";

TEST(ConfigKind, ChoosesTheDefaultsWhereverItStands) {
  const Settings settings = read(
                                "[data]\nsource = \"shapes\"\n"
                                "[weights]\nslots = 3\n"
                                "[space]\nkind = \"micro\"\nnodes = 5\n")
                                .settings;
  EXPECT_EQ(settings.space.kind, space::SpaceKind::micro);
  EXPECT_EQ(settings.space.micro.nodes, 5);
  EXPECT_EQ(settings.space.recurrent.nodes, 12);
  EXPECT_EQ(settings.weights.slots, 3);
  EXPECT_EQ(settings.weights.lr, 0.05);
  EXPECT_EQ(settings.controller.tanh_constant, 1.1);
}

TEST(ConfigKind, PresetIsThatOfTheKind) {
  const Settings settings = read("preset = \"paper\"\n" + kMacro).settings;
  EXPECT_EQ(settings.supernet.macro.skip_merge, supernet::SkipMerge::concatenate);
  EXPECT_EQ(settings.rounds, 310);
}

TEST(ConfigKind, SetBeatsTheFileAndTheDefaultsFollow) {
  const Settings settings = read(kMacro + "supernet.filters = 8\n", {"space.kind=micro"}).settings;
  EXPECT_EQ(settings.space.kind, space::SpaceKind::micro);
  EXPECT_EQ(settings.supernet.micro.filters, 8);
  EXPECT_EQ(settings.supernet.macro.filters, 36);
  EXPECT_EQ(settings.rounds, 150);
}

TEST(ConfigKind, IsCheckedBeforeTheRest) {
  const Refusal refused = refusal("weights.slotz = 1\nspace.kind = \"marco\"\n");
  EXPECT_EQ(refused.code, ExitCode::bad_data);
  EXPECT_EQ(refused.message,
            "t.toml:2:7: space.kind must be one of \"recurrent\", \"macro\", \"micro\", "
            "is \"marco\"; did you mean \"macro\"?");
  EXPECT_EQ(refusal(kMacro, {"space.kind=3"}).message,
            "--set space.kind=3: space.kind must be one of \"recurrent\", \"macro\", \"micro\", "
            "is \"3\"");
}

TEST(ConfigKind, ForeignKeysOfTheFileAreRefusedWithTheirKind) {
  EXPECT_EQ(refusal(kMacro + "supernet.hidden = 8\nsupernet.cells = 2\n").message,
            "t.toml:3:10: supernet.hidden belongs to space.kind = \"recurrent\"; here it is "
            "\"macro\"\n"
            "t.toml:4:10: supernet.cells belongs to space.kind = \"micro\"; here it is \"macro\"");
  EXPECT_EQ(refusal(kMarkov + "[data.shapes]\nsize = 8\n").message,
            "t.toml:3:1: data.shapes.size belongs to space.kind = \"macro\" or \"micro\"; here it "
            "is \"recurrent\"");
  EXPECT_EQ(refusal(kMacro + "space.nodes = 5\n").message,
            "t.toml:3:7: space.nodes belongs to space.kind = \"recurrent\" or \"micro\" or "
            "search.evaluation = \"table\"; here it is \"macro\"");
}

TEST(ConfigKind, ForeignKeysOfSetAreRefused) {
  EXPECT_EQ(refusal(kMicro, {"controller.skip_weight=1"}).message,
            "--set controller.skip_weight=1: controller.skip_weight belongs to space.kind = "
            "\"macro\"; here it is \"micro\"");
  EXPECT_EQ(refusal(kMicro, {"weights.segment_length=9"}).code, ExitCode::bad_data);
}

TEST(ConfigKind, ATableIsNeededWhereScoresAreLookedUpAndNothingThatTrains) {
  const std::string table = "search.evaluation = \"table\"\n";
  const Settings settings = read(table + "evaluation.table = \"t.h5\"\nspace.nodes = 4\n").settings;
  EXPECT_EQ(settings.space.kind, space::SpaceKind::recurrent);
  EXPECT_EQ(settings.evaluation.kind, search::Evaluation::table);
  EXPECT_EQ(settings.evaluation.table, "t.h5");
  EXPECT_EQ(settings.space.recurrent.nodes, 4);
  EXPECT_EQ(refusal(table).message,
            "t.toml: evaluation.table is missing: search.evaluation = \"table\" needs the file "
            "with the scores");
  EXPECT_EQ(refusal(table + "weights.lr = 1.0\n").message,
            "t.toml:2:9: weights.lr belongs to space.kind = \"recurrent\" or \"macro\" or "
            "\"micro\"; here it is search.evaluation = \"table\"");
  EXPECT_EQ(refusal(kMarkov + "evaluation.table = \"t.h5\"\n").message,
            "t.toml:2:12: evaluation.table belongs to search.evaluation = \"table\"; here it is "
            "\"recurrent\"");
  EXPECT_EQ(refusal_of([&] { check_trainable(settings); }).code, ExitCode::bad_data);
  check_trainable(Settings());
}

TEST(ConfigKind, ATableIsOfRecurrentCells) {
  EXPECT_EQ(refusal(kMacro, {"search.evaluation=table"}).message,
            "search.evaluation = \"table\" is for space.kind = \"recurrent\", but space.kind = "
            "\"macro\"");
}

TEST(ConfigKind, TheOldFormOfATableIsToldTheNewOne) {
  EXPECT_EQ(refusal("space.kind = \"tabular\"\nspace.table = \"t.h5\"\n").message,
            "t.toml:1:7: space.kind = \"tabular\" is now search.evaluation = \"table\" with "
            "space.kind = \"recurrent\", and space.table is evaluation.table");
  EXPECT_EQ(refusal("search.evaluation = \"table\"\nspace.table = \"t.h5\"\n").message,
            "t.toml:2:7: unknown key space.table; did you mean evaluation.table?");
}

TEST(ConfigKind, SuggestionsAreOfTheKind) {
  EXPECT_EQ(refusal(kMacro + "controller.seed = 1\n").message,
            "t.toml:3:12: unknown key controller.seed; did you mean run.seed or data.shapes.seed?");
}

TEST(ConfigKind, ListsOfOperations) {
  EXPECT_EQ(read(kMacro + "space.operations = [\"max_pool_3x3\", \"conv_3x3\"]\n")
                .settings.space.macro.operations,
            (std::vector{space::Operation::max_pool_3x3, space::Operation::conv_3x3}));
  EXPECT_EQ(read(kMicro, {"space.operations=[\"identity\"]"}).settings.space.micro.operations,
            std::vector{space::Operation::identity});
  const auto problem = [](const std::string& list) {
    return refusal(kMacro + "space.operations = " + list + "\n").message;
  };
  EXPECT_EQ(problem("[]"), "t.toml:3:7: space.operations must name at least one operation, is []");
  EXPECT_EQ(problem(R"(["conv_3x3", "conv_3x3"])"),
            "t.toml:3:7: space.operations names \"conv_3x3\" twice");
  EXPECT_EQ(problem("\"conv_3x3\""),
            "t.toml:3:7: space.operations must be a list of operations, not a string "
            "(\"conv_3x3\")");
  const std::string unknown = problem(R"(["conv_7x7"])");
  EXPECT_NE(unknown.find("conv_7x7"), std::string::npos) << unknown;
  EXPECT_NE(unknown.find("sep_conv_5x5"), std::string::npos) << unknown;
}

}  // namespace
}  // namespace enas::app
