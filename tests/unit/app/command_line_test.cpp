// SPDX-License-Identifier: Apache-2.0
#include "app/command_line.hpp"

#include <gtest/gtest.h>

#include "unit/app/config/config_helpers.hpp"

namespace enas::app {
namespace {

Refusal refused(const std::vector<std::string>& arguments) {
  return refusal_of([&] { parse_command_line(arguments); });
}

TEST(CommandLine, SearchWithEverything) {
  const CommandLine line = parse_command_line({"--config",
                                               "a.toml",
                                               "--set",
                                               "weights.slots=4",
                                               "--set",
                                               "data.path=x y",
                                               "--run-dir",
                                               "r",
                                               "--resume",
                                               "never",
                                               "--force-resume",
                                               "--seed",
                                               "7",
                                               "--max-time",
                                               "01:30:00",
                                               "--max-steps",
                                               "500",
                                               "--device",
                                               "cpu",
                                               "--dry-run",
                                               "--json"});
  EXPECT_EQ(line.command, Command::search);
  EXPECT_EQ(line.config_file, "a.toml");
  EXPECT_EQ(line.sets,
            (std::vector<std::string>{"weights.slots=4", "data.path=x y", "run.seed=7"}));
  EXPECT_EQ(line.run_dir, "r");
  EXPECT_EQ(line.limits.resume, run::ResumeMode::never);
  EXPECT_TRUE(line.limits.force_resume);
  EXPECT_EQ(line.limits.max_time_s, 5400.0);
  EXPECT_EQ(line.limits.max_steps, 500);
  EXPECT_TRUE(line.dry_run);
  EXPECT_TRUE(line.json);
}

TEST(CommandLine, WhateverTakesLongHasATimeLimit) {
  for (const char* command : {"derive", "evaluate"}) {
    EXPECT_EQ(parse_command_line({command, "--run", "r"}).limits.max_time_s, 0.0);
    EXPECT_EQ(parse_command_line({command, "--run", "r", "--max-time", "90.5"}).limits.max_time_s,
              90.5);
    EXPECT_THROW(parse_command_line({command, "--run", "r", "--max-time", "soon"}), ConfigError);
  }
}

TEST(CommandLine, DefaultsOfASearch) {
  const CommandLine line = parse_command_line({"--config", "a.toml"});
  EXPECT_EQ(line.limits.resume, run::ResumeMode::automatic);
  EXPECT_EQ(line.limits.max_time_s, 0.0);
  EXPECT_EQ(line.limits.max_steps, 0);
  EXPECT_FALSE(line.json);
  EXPECT_TRUE(line.sets.empty());
}

TEST(CommandLine, ResumeTakesAPath) {
  const CommandLine line = parse_command_line({"--config", "a", "--resume", "r/step-1.h5"});
  EXPECT_EQ(line.limits.resume, run::ResumeMode::path);
  EXPECT_EQ(line.limits.resume_path, "r/step-1.h5");
}

TEST(CommandLine, Subcommands) {
  const CommandLine sample =
      parse_command_line({"sample", "--run", "r", "--count", "3", "--seed", "9", "--json"});
  EXPECT_EQ(sample.command, Command::sample);
  EXPECT_EQ(sample.path, "r");
  EXPECT_EQ(sample.count, 3);
  EXPECT_EQ(sample.seed, 9U);
  EXPECT_TRUE(sample.json);
  const CommandLine hash = parse_command_line({"state-hash", "c.h5"});
  EXPECT_EQ(hash.command, Command::state_hash);
  EXPECT_EQ(hash.path, "c.h5");
  EXPECT_EQ(parse_command_line({"config", "--defaults"}).command, Command::config_defaults);
  EXPECT_TRUE(parse_command_line({"config", "--defaults", "--markdown"}).markdown);
  const CommandLine check =
      parse_command_line({"config", "--check", "a.toml", "--set", "weights.slots=3"});
  EXPECT_EQ(check.command, Command::config_check);
  EXPECT_EQ(check.config_file, "a.toml");
  EXPECT_EQ(check.sets.size(), 1U);
  const CommandLine explain = parse_command_line({"config", "--explain", "weights.lr"});
  EXPECT_EQ(explain.command, Command::config_explain);
  EXPECT_EQ(explain.key, "weights.lr");
  EXPECT_EQ(parse_command_line({"doctor", "--run-dir", "r"}).run_dir, "r");
  EXPECT_EQ(parse_command_line({"--version"}).command, Command::version);
}

TEST(CommandLine, Bench) {
  const CommandLine line =
      parse_command_line({"bench", "--config", "a.toml", "--set", "weights.slots=3", "--steps", "7",
                          "--repeats", "2", "--phase", "weights", "--reference", "--json"});
  EXPECT_EQ(line.command, Command::bench);
  EXPECT_EQ(line.config_file, "a.toml");
  EXPECT_EQ(line.sets, std::vector<std::string>{"weights.slots=3"});
  EXPECT_EQ(line.bench.steps, 7);
  EXPECT_EQ(line.bench.repeats, 2);
  EXPECT_EQ(line.bench.phase, "weights");
  EXPECT_TRUE(line.bench.reference);
  EXPECT_FALSE(line.bench.lockstep);
  EXPECT_TRUE(line.json);
  const CommandLine plain = parse_command_line({"bench", "--config", "a.toml"});
  EXPECT_EQ(plain.bench.phase, "all");
  EXPECT_FALSE(plain.bench.reference);
  EXPECT_GT(plain.bench.steps, 0);
  EXPECT_GT(plain.bench.repeats, 0);
}

TEST(CommandLine, BenchOfScaling) {
  const CommandLine line = parse_command_line(
      {"bench", "--config", "a.toml", "--scaling", "--predict", "4,1024", "--slots-per-rank", "2",
       "--slot-s", "0.02", "--latency-s", "5e-6", "--bandwidth", "25e9"});
  EXPECT_TRUE(line.bench.scaling);
  const auto& model = line.bench.model;
  EXPECT_EQ(model.predict, (std::vector<int>{4, 1024}));
  EXPECT_EQ(model.slots_per_rank, 2);
  EXPECT_EQ(model.slot_s, 0.02);
  EXPECT_EQ(model.network.latency_s, 5e-6);
  EXPECT_EQ(model.network.bandwidth, 25e9);
}

TEST(CommandLine, HelpNeedsNothingElse) {
  const CommandLine line = parse_command_line({"--help"});
  EXPECT_EQ(line.command, Command::help);
  for (const char* word :
       {"--config", "--set", "--resume", "sample", "state-hash", "doctor", "bench"}) {
    EXPECT_NE(line.help_text.find(word), std::string::npos) << word;
  }
  EXPECT_EQ(parse_command_line({"bench", "--help"}).help_text.find("--lockstep"),
            std::string::npos);
  EXPECT_NE(parse_command_line({"sample", "--help"}).help_text.find("--count"), std::string::npos);
}

TEST(CommandLine, WrongUsageIsCode64WithTheWord) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "--config FILE is missing"},
      {{"--confg", "a"}, "--confg"},
      {{"--config", "a", "--max-steps", "-1"}, "--max-steps: must be at least 1, is -1"},
      {{"--config", "a", "--max-steps", "many"}, "--max-steps"},
      {{"--config", "a", "--seed", "-1"}, "--seed: must be at least 0, is -1"},
      {{"pipeline", "--config", "a", "--seeds", "1,2-3"}, "is 2-3"},
      {{"--config", "a", "--device", "tpu"}, "--device"},
      {{"--config", "a", "--max-time", "soon"}, "--max-time"},
      {{"--config", "a", "--max-time", "0"},
       "--max-time must be seconds above 0 or HH:MM:SS, is 0"},
      {{"config"}, "--defaults"},
      {{"config", "--defaults", "--explain", "x"}, "--defaults"},
      {{"sample"}, "--run"},
      {{"sample", "--run", "r", "--count", "0"}, "--count"},
      {{"state-hash"}, "file"},
      {{"bench"}, "--config"},
      {{"bench", "--config", "a", "--steps", "0"}, "--steps"},
      {{"bench", "--config", "a", "--repeats", "-2"}, "--repeats"},
      {{"bench", "--config", "a", "--phase", "data"}, "--phase"},
      {{"bench", "--config", "a", "--predict", "0"}, "--predict"},
      {{"bench", "--config", "a", "--bandwidth", "0"}, "--bandwidth"},
      {{"bench", "--config", "a", "--predict", "8,1000000", "--slots-per-rank", "10"},
       "1000000 slots"},
      {{"derive", "--run", "r", "--samples", "5", "--top", "6"},
       "--top (6) must be at most --samples (5)"},
      {{"pipeline", "--config", "a", "--samples", "5", "--top", "6"},
       "--top (6) must be at most --samples (5)"},
      {{"unknown-command"}, "unknown-command"},
  };
  for (const auto& [arguments, word] : cases) {
    const Refusal refusal = refused(arguments);
    EXPECT_EQ(refusal.code, ExitCode::usage) << word;
    EXPECT_NE(refusal.message.find(word), std::string::npos) << refusal.message;
  }
}

/// Every option that takes a whole number, in a command line that is complete without its value.
const std::vector<std::vector<std::string>> kWholeOptions = {
    {"--config", "a", "--seed"},
    {"--config", "a", "--max-steps"},
    {"derive", "--run", "r", "--samples"},
    {"derive", "--run", "r", "--top"},
    {"train", "--arch", "a", "--config", "a", "--seed"},
    {"train", "--arch", "a", "--config", "a", "--max-steps"},
    {"pipeline", "--config", "a", "--seed"},
    {"pipeline", "--config", "a", "--seeds"},
    {"pipeline", "--config", "a", "--samples"},
    {"pipeline", "--config", "a", "--top"},
    {"sample", "--run", "r", "--count"},
    {"sample", "--run", "r", "--seed"},
    {"bench", "--config", "a", "--steps"},
    {"bench", "--config", "a", "--repeats"},
    {"bench", "--config", "a", "--predict"},
    {"bench", "--config", "a", "--slots-per-rank"},
    {"arch", "show", "enas-ptb", "--hidden"},
    {"arch", "show", "enas-ptb", "--vocabulary"},
    {"arch", "show", "enas-micro", "--filters"},
    {"arch", "show", "enas-micro", "--layers"},
};

std::vector<std::string> with_value(std::vector<std::string> arguments, const std::string& value) {
  arguments.push_back(value);
  return arguments;
}

TEST(CommandLine, WholeNumbersOfAllOptionsAreDecimalOrRefused) {
  for (const auto& option : kWholeOptions) {
    SCOPED_TRACE(option.front() + " " + option.back());
    EXPECT_EQ(refused(with_value(option, "0012")).message, "");
    for (const std::string value : {"0x10", "1e2", "1.0", "+5", "many"}) {
      const Refusal refusal = refused(with_value(option, value));
      EXPECT_EQ(refusal.code, ExitCode::usage);
      const std::string text =
          option.back() + ": must be a whole number in decimal digits, is " + value;
      EXPECT_NE(refusal.message.find(text), std::string::npos) << refusal.message;
    }
    const Refusal huge = refused(with_value(option, "9223372036854775808"));
    EXPECT_NE(huge.message.find("is 9223372036854775808"), std::string::npos) << huge.message;
  }
}

TEST(CommandLine, ZerosInFrontChangeNothing) {
  const CommandLine line =
      parse_command_line({"--config", "a", "--seed", "010", "--max-steps", "020"});
  EXPECT_EQ(line.sets, std::vector<std::string>{"run.seed=10"});
  EXPECT_EQ(line.limits.max_steps, 20);
  EXPECT_EQ(parse_command_line({"arch", "show", "enas-ptb", "--hidden", "0100"}).arch.hidden, 100);
  EXPECT_EQ(parse_command_line({"pipeline", "--config", "a", "--seeds", "08,010"}).result.seeds,
            (std::vector<std::int64_t>{8, 10}));
  EXPECT_EQ(refused({"pipeline", "--config", "a", "--seeds", "1,01"}).code, ExitCode::usage);
}

TEST(CommandLine, FewSamplesGoWithTheUsualTop) {
  EXPECT_EQ(parse_command_line({"derive", "--run", "r", "--samples", "1"}).result.derive.top, 10);
  EXPECT_EQ(refused({"derive", "--run", "r", "--samples", "5", "--top", "5"}).message, "");
}

TEST(CommandLine, NumbersWithAFractionAreReadAlike) {
  for (const std::string option : {"--slot-s", "--latency-s", "--bandwidth"}) {
    const Refusal refusal = refused({"bench", "--config", "a", option, "0x10"});
    EXPECT_NE(refusal.message.find(option + ": must be a finite number in decimal digits, is 0x10"),
              std::string::npos)
        << refusal.message;
  }
}

TEST(CommandLine, ArgumentsThatAreNotUtf8AreRefusedBeforeWork) {
  const std::string name = "caf\xe9";
  const std::vector<std::vector<std::string>> command_lines = {
      {"--config", name},
      {"--config", "a", "--run-dir", name},
      {"--config", "a", "--resume", name},
      {"--config", "a", "--set", "data.path=" + name},
      {"config", "--check", name},
      {"doctor", "--run-dir", name},
      {"sample", "--run", name},
      {"state-hash", name},
      {"bench", "--config", name},
      {"arch", "convert", name, "--to", "darts"},
      {"arch", "convert", "a", "--to", "darts", "--out", name},
      {"derive", "--run", name},
      {"train", "--arch", name, "--config", "a"},
      {"evaluate", "--run", name},
      {"export", "--run", name, "--to", "pytorch", "out"},
      {"export", "--run", "r", "--to", "pytorch", name},
      {"pipeline", "--config", "a", "--run-dir", name},
  };
  for (const auto& arguments : command_lines) {
    const Refusal refusal = refused(arguments);
    EXPECT_EQ(refusal.code, ExitCode::usage) << arguments.front();
    EXPECT_NE(refusal.message.find("caf\\xe9\" is not UTF-8"), std::string::npos)
        << refusal.message;
  }
  EXPECT_EQ(refused({"--config", "a", "--run-dir", "café"}).message, "");
}

TEST(CommandLine, DeviceIsOneOfThree) {
  using run::DeviceWish;
  EXPECT_EQ(parse_command_line({"--config", "a"}).limits.device, run::DeviceWish::automatic);
  EXPECT_EQ(parse_command_line({"--config", "a", "--device", "cuda"}).limits.device,
            run::DeviceWish::cuda);
  EXPECT_EQ(parse_command_line({"bench", "--config", "a", "--device", "cpu"}).bench.device,
            run::DeviceWish::cpu);
  EXPECT_NE(refused({"--config", "a", "--device", "tpu"}).message.find("tpu"), std::string::npos);
}

TEST(ParseDuration, SecondsAndClockTimes) {
  EXPECT_EQ(parse_duration("90.5"), 90.5);
  EXPECT_EQ(parse_duration("00:01:30"), 90.0);
  EXPECT_EQ(parse_duration("08:09:10.5"), 29350.5);
  EXPECT_EQ(parse_duration("100:00:01"), 360001.0);
  for (const char* text : {"", "0", "-5", "nan", "inf", "1:30", "01:60:00", "01:00:60", "a:b:c",
                           "1:2:3:4", "5s", "00:00:00", "1e3:00:00", "-1:00:10", "0x10"}) {
    EXPECT_EQ(refusal_of([&] { parse_duration(text); }).code, ExitCode::usage) << text;
  }
}

}  // namespace
}  // namespace enas::app
