// SPDX-License-Identifier: Apache-2.0
#include "app/config/config.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "unit/app/config/config_helpers.hpp"

namespace enas::app {
namespace {

TEST(Config, FileOverridesPresetAndSetOverridesFile) {
  const Config config = read(
      "preset = \"paper\"\n"
      "[data]\nsource = \"markov\"\n"
      "[weights]\nlr = 3\nslots = 4\n",
      {"weights.slots=8", "weights.slots=6"});
  EXPECT_EQ(config.preset, "paper");
  EXPECT_EQ(config.settings.rollout.steps, 2000);  // from the preset
  EXPECT_EQ(config.settings.weights.lr, 3.0);      // an integer is a number
  EXPECT_EQ(config.settings.weights.slots, 6);     // the last --set
  EXPECT_EQ(config.num_keys_set, 4);
}

TEST(Config, PresetCanBeSetFromTheCommandLine) {
  const Config config = read("preset = \"paper\"\n" + kMarkov, {"preset=released"});
  EXPECT_EQ(config.preset, "released");
  EXPECT_EQ(config.settings.rounds, 600);
}

TEST(Config, EveryKindOfValueArrives) {
  const Config config = read(
      "[run]\nseed = 9223372036854775807\ndir = \"a \\\"b\\\" c\"\n"
      "[data]\nsource = \"folder\"\npath = \"/p\"\n"
      "[space]\nactivations = [\"relu\", \"tanh\"]\nfirst_node = \"tanh\"\n"
      "[weights]\nrandom_length = true\nchildren = \"shared\"\n"
      "[comm]\ntimeout_s = 2.5\n");
  const Settings& settings = config.settings;
  EXPECT_EQ(settings.run.seed, 9223372036854775807U);
  EXPECT_EQ(settings.run.dir, "a \"b\" c");
  EXPECT_EQ(settings.space.recurrent.activations,
            (std::vector{space::Activation::relu, space::Activation::tanh}));
  EXPECT_EQ(settings.space.recurrent.first_node, space::FirstNode::tanh);
  EXPECT_TRUE(settings.weights.segments.random_length);
  EXPECT_EQ(settings.weights.children, search::Children::shared);
  EXPECT_EQ(settings.run.reliability.comm_timeout_s, 2.5);
}

TEST(Config, AllProblemsAreReportedAtOnceInTheOrderOfTheFile) {
  const Refusal refused = refusal(
      "[weights]\n"
      "slotz = 2\n"
      "lr = \"fast\"\n"
      "batch_size = 0\n"
      "  children = \"shard\"\n"
      "[controler]\n"
      "lr = 1\n"
      "steps = 1\n");
  EXPECT_EQ(refused.code, ExitCode::bad_data);
  EXPECT_EQ(
      refused.message,
      "t.toml:2:1: unknown key weights.slotz; did you mean weights.slots?\n"
      "t.toml:3:1: weights.lr must be a number, not a string (\"fast\")\n"
      "t.toml:4:1: weights.batch_size must be at least 1 and at most 1000000, is 0\n"
      "t.toml:5:3: weights.children must be one of \"per_slot\", \"shared\", is \"shard\"; did "
      "you mean \"shared\"?\n"
      "t.toml:7:1: unknown section [controler]; did you mean controller?");
}

TEST(Config, AKeyOfAnotherSectionIsNamedThere) {
  EXPECT_EQ(refusal("[controller]\nslots = 2\n").message,
            "t.toml:2:1: unknown key controller.slots; did you mean weights.slots or train.slots?");
  EXPECT_EQ(refusal("[controller]\nseed = 2\n").message,
            "t.toml:2:1: unknown key controller.seed; did you mean run.seed or data.markov.seed?");
}

TEST(Config, TopLevelSlipsAreNamed) {
  EXPECT_EQ(refusal("slots = 2\n").message,
            "t.toml:1:1: unknown key slots; did you mean weights.slots or train.slots?");
  EXPECT_EQ(refusal("presett = \"paper\"\n").message,
            "t.toml:1:1: unknown key presett; did you mean preset?");
  EXPECT_EQ(refusal("weights = 2\n").message, "t.toml:1:1: weights is a section, not a value");
  EXPECT_EQ(refusal("[weights.slots]\nx = 1\n").message,
            "t.toml:2:1: weights.slots is a value, not a section");
  EXPECT_EQ(refusal("[weights.slots]\n").message,
            "t.toml:1:10: weights.slots must be an integer, not a section");
  EXPECT_EQ(refusal("[wieghts]\n").message,
            "t.toml:1:2: unknown section [wieghts]; did you mean weights?");
  EXPECT_EQ(refusal("\"weights.slots\" = 2\n").message,
            "t.toml:1:1: unknown key \"weights.slots\"");
}

TEST(Config, KeysOfFilesAreNotForTheEmbeddedImages) {
  const std::string shapes = "[space]\nkind = \"macro\"\n[data]\nsource = \"shapes\"\n";
  EXPECT_TRUE(
      refusal(shapes + "limit_train = 100\n").message.find("data.limit_train is for image files") !=
      std::string::npos);
  EXPECT_TRUE(refusal(shapes + "shuffle_split = true\n")
                  .message.find("data.shuffle_split is for image files") != std::string::npos);
}

TEST(Config, WrongTypes) {
  const auto problem = [](const std::string& line) {
    const std::string message = refusal(line + "\n" + kMarkov).message;
    return message.substr(0, message.find('\n'));
  };
  EXPECT_EQ(problem("weights.slots = 2.0"),
            "t.toml:1:9: weights.slots must be an integer, not a float (2.0)");
  EXPECT_EQ(problem("weights.slots = [\"a\"]"),
            "t.toml:1:9: weights.slots must be an integer, not a list of strings ([\"a\"])");
  EXPECT_EQ(problem("weights.slots = 2020-01-01"),
            "t.toml:1:9: weights.slots must be an integer, not a date or time");
  EXPECT_EQ(problem("weights.random_length = 1"),
            "t.toml:1:9: weights.random_length must be true or false, not an integer (1)");
  EXPECT_EQ(problem("run.dir = 1"), "t.toml:1:5: run.dir must be a string, not an integer (1)");
  EXPECT_EQ(problem("search.strategy = 1"),
            "t.toml:1:8: search.strategy must be one of \"reinforce\", \"random\", not an integer "
            "(1)");
  EXPECT_EQ(
      problem("space.activations = [1]"),
      "t.toml:1:7: space.activations must be a list of activations, not a list with something "
      "else than strings");
}

TEST(Config, NumbersOutOfRange) {
  const auto problem = [](const std::string& line) {
    const std::string message = refusal(line + "\n" + kMarkov).message;
    return message.substr(0, message.find('\n'));
  };
  EXPECT_EQ(problem("supernet.drop_word = 1"),
            "t.toml:1:10: supernet.drop_word must be at least 0 and below 1, is 1");
  EXPECT_EQ(problem("weights.lr = nan"), "t.toml:1:9: weights.lr must be a finite number, is nan");
  EXPECT_EQ(problem("weights.lr = -inf"),
            "t.toml:1:9: weights.lr must be a finite number, is -inf");
  EXPECT_EQ(problem("run.seed = -1"), "t.toml:1:5: run.seed must be at least 0, is -1");
  EXPECT_EQ(problem("search.rounds = 4294967298"),
            "t.toml:1:8: search.rounds must be at least 1 and at most 2147483647, is 4294967298");
  EXPECT_EQ(problem("run.log_interval_s = 0"),
            "t.toml:1:5: run.log_interval_s must be above 0, is 0");
}

TEST(Config, ListsOfActivations) {
  const auto problem = [](const std::string& list) {
    return refusal("space.activations = " + list + "\n" + kMarkov).message;
  };
  EXPECT_NE(problem("[]").find("t.toml:1:7: space.activations must name at least one"),
            std::string::npos);
  EXPECT_NE(problem(R"(["tanh", "relu", "tanh"])").find("names \"tanh\" twice"), std::string::npos);
  const std::string unknown = problem(R"(["tanhh"])");
  EXPECT_NE(unknown.find("tanhh"), std::string::npos) << unknown;
  EXPECT_NE(unknown.find("sigmoid"), std::string::npos) << unknown;
}

TEST(Config, PresetIsChecked) {
  EXPECT_EQ(refusal("preset = \"papre\"\n" + kMarkov).message,
            "t.toml:1:1: preset must be one of \"default\", \"paper\", \"released\", is \"papre\"; "
            "did you mean paper?");
  EXPECT_EQ(refusal("preset = 3\n" + kMarkov).message,
            "t.toml:1:1: preset must be one of \"default\", \"paper\", \"released\", is 3");
}

TEST(Config, SetTakesTomlAndBareWords) {
  const Settings settings =
      read("", {"data.path=data/my corpus=1.txt", "search.strategy=random", "weights.lr=1e-3",
                "space.activations=[\"relu\"]", "run.dir=\"quoted\"", "weights.random_length=true"})
          .settings;
  EXPECT_EQ(settings.data.path, "data/my corpus=1.txt");
  EXPECT_EQ(settings.strategy, search::StrategyKind::random);
  EXPECT_EQ(settings.weights.lr, 1e-3);
  EXPECT_EQ(settings.space.recurrent.activations, std::vector{space::Activation::relu});
  EXPECT_EQ(settings.run.dir, "quoted");
  EXPECT_TRUE(settings.weights.segments.random_length);
}

TEST(Config, SetNamesItselfInProblems) {
  EXPECT_EQ(refusal(kMarkov, {"weights.slots=two"}).message,
            "--set weights.slots=two: weights.slots must be a whole number in decimal digits, is "
            "two");
  EXPECT_EQ(refusal(kMarkov, {"weights.slots=0", "weights.slotz=1"}).message,
            "--set weights.slots=0: weights.slots must be at least 1 and at most 4096, is 0\n"
            "--set weights.slotz=1: unknown key weights.slotz; did you mean weights.slots?");
  EXPECT_EQ(refusal(kMarkov, {"weights.slots=0"}).code, ExitCode::bad_data);
}

TEST(Config, SetReadsNumbersLikeAllOptions) {
  EXPECT_EQ(read(kMarkov, {"run.seed=010"}).settings.run.seed, 10U);
  EXPECT_EQ(read(kMarkov, {"weights.slots=08"}).settings.weights.slots, 8);
  EXPECT_EQ(read(kMarkov, {"weights.lr=.5"}).settings.weights.lr, 0.5);
  const auto problem = [](const std::string& key, const std::string& value) {
    const std::string message = refusal(kMarkov, {key + "=" + value}).message;
    const std::string start = "--set " + key + "=" + value + ": " + key + " ";
    EXPECT_TRUE(message.starts_with(start)) << message;
    return message.substr(std::min(start.size(), message.size()));
  };
  for (const std::string value : {"0x10", "1_000", "2.0", "1e3", "+4", "\"4\"", "[4]", "true"}) {
    EXPECT_EQ(problem("weights.slots", value),
              "must be a whole number in decimal digits, is " + value);
  }
  for (const std::string value : {"nan", "inf", "fast", "0x1p3", "1e400"}) {
    EXPECT_EQ(problem("weights.lr", value),
              "must be a finite number in decimal digits, is " + value);
  }
  EXPECT_EQ(problem("weights.slots", "99999999999999999999"),
            "must be at least 1 and at most 4096, is 99999999999999999999");
  EXPECT_EQ(problem("search.rounds", "99999999999999999999"),
            "must be at least 1 and at most 2147483647, is 99999999999999999999");
  EXPECT_EQ(problem("run.seed", "9223372036854775808"),
            "must be at most 9223372036854775807, is 9223372036854775808");
}

TEST(Config, InitialWeightsAreNotAllEqual) {
  for (const std::string key :
       {"supernet.init_range", "controller.init_range", "train.init_range"}) {
    for (const std::string value : {"0", "1e-50"}) {
      EXPECT_EQ(refusal(kMarkov, {key + "=" + value}).message,
                "--set " + key + "=" + value + ": " + key +
                    " must be at least 1e-6 and at most 10, is " + value);
    }
    EXPECT_EQ(refusal(kMarkov, {key + "=1e-6"}).message, "");
  }
}

TEST(Config, WhatFloat32MakesZeroIsRefusedWhereZeroIs) {
  EXPECT_EQ(refusal(kMarkov, {"controller.adam_epsilon=1e-300"}).message,
            "--set controller.adam_epsilon=1e-300: controller.adam_epsilon must be at least 1e-30 "
            "and at most 1, is 1e-300");
  const std::string micro = "space.kind = \"micro\"\ndata.source = \"shapes\"\n";
  for (const std::string key :
       {"supernet.norm_epsilon", "train.norm_epsilon", "train.drop_path_keep"}) {
    EXPECT_NE(refusal(micro, {key + "=1e-300"}).message, "") << key;
  }
}

TEST(Config, SetThatIsNoAssignmentIsAUsageError) {
  for (const std::string option :
       {"weights.slots", "=3", "space.activations=[1", "weights.slots=1\n2",
        "weights.random_length=\"a", "weights.random_length=", "space.activations={a=1"}) {
    const Refusal refused = refusal(kMarkov, {option});
    EXPECT_EQ(refused.code, ExitCode::usage) << option;
    EXPECT_NE(refused.message.find("--set "), std::string::npos) << refused.message;
  }
}

TEST(Config, ThreadsByOptionAreTold) {
  EXPECT_FALSE(read(kMarkov + "run.threads = 2\n").threads_by_option);
  EXPECT_TRUE(read(kMarkov, {"run.threads=2"}).threads_by_option);
}

TEST(Config, MoreRanksThanSlotsNamesBoth) {
  const Settings settings = read(kMarkov + "weights.slots = 3\n").settings;
  EXPECT_EQ(refusal_of([&] { check_ranks(settings, 3); }).message, "");
  const Refusal refused = refusal_of([&] { check_ranks(settings, 4); });
  EXPECT_EQ(refused.code, ExitCode::bad_data);
  EXPECT_EQ(refused.message,
            "4 ranks but weights.slots = 3: start at most 3 ranks or set weights.slots");
}

}  // namespace
}  // namespace enas::app
