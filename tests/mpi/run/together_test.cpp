// SPDX-License-Identifier: Apache-2.0
// A rank that fails, stops or communicates in its own work leaves no other rank waiting.
#include "run/together.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <new>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "core/text.hpp"
#include "support/shared_folder.hpp"
#include "support/thrown.hpp"

namespace enas::run {
namespace {

int last_rank() { return test_world().size() - 1; }

/// Of a folder that holds no control files.
StopControl never_stopped(const SharedFolder& folder) {
  return {test_world().is_root(), folder.path(), {}, 0.0};
}

TEST(Together, EveryRankThrowsWhatOneThrew) {
  const auto code = thrown_code([] {
    together(test_world(), [] {
      if (test_world().rank() == last_rank()) throw InputError("lost", ExitCode::missing_input);
    });
  });
  EXPECT_EQ(code, ExitCode::missing_input);
}

TEST(Together, ACollectiveInItIsAMistakeThatAllRanksHearOf) {
  const auto text = thrown<ConfigError>([] {
    together(test_world(), [] {
      if (test_world().rank() == last_rank()) throw InputError("lost");
      test_world().barrier();
    });
  });
  // The lowest rank that failed speaks: with one rank there is only the lost file.
  EXPECT_TRUE(contains(text, test_world().size() == 1 ? "lost" : "barrier inside work")) << text;
}

/// What all ranks are told of an exception on the last one.
template <typename Exception>
Failure told_of(const Exception& exception) {
  try {
    together(test_world(), [&] {
      if (test_world().rank() == last_rank()) throw exception;
    });
  } catch (const ConfigError& error) {
    return {error.code(), error.what()};
  }
  return {};
}

std::string of_last_rank(const std::string& text) {
  return last_rank() == 0 ? text : concat("rank ", last_rank(), ": ", text);
}

TEST(Together, AFailureOfTheFileSystemIsToldByPathReasonAndCode) {
  const auto error_of = [](std::errc code) { return std::make_error_code(code); };
  using std::filesystem::filesystem_error;
  const Failure removal =
      told_of(filesystem_error("cannot remove", "a", error_of(std::errc::permission_denied)));
  EXPECT_EQ(removal.message, of_last_rank("cannot use a: Permission denied"));
  EXPECT_EQ(removal.code, ExitCode::permission);
  const Failure renaming =
      told_of(filesystem_error("cannot rename", "a", "b", error_of(std::errc::file_exists)));
  EXPECT_EQ(renaming.message, of_last_rank("cannot use a and b: File exists"));
  EXPECT_EQ(renaming.code, ExitCode::cannot_create);
  const Failure listing =
      told_of(filesystem_error("cannot advance", error_of(std::errc::io_error)));
  EXPECT_EQ(listing.message, of_last_rank("the file system failed: Input/output error"));
  EXPECT_EQ(listing.code, ExitCode::io_error);
  const Failure opening =
      told_of(filesystem_error("status", "a", error_of(std::errc::no_such_file_or_directory)));
  EXPECT_EQ(opening.code, ExitCode::missing_input);
}

TEST(Together, OtherExceptionsAreToldInOneLine) {
  EXPECT_EQ(told_of(std::bad_alloc()).message, of_last_rank("out of memory"));
  const Failure bug = told_of(std::runtime_error("a bug\nin a\nlong story"));
  EXPECT_EQ(bug.message, of_last_rank("a bug"));
  EXPECT_EQ(bug.code, ExitCode::internal);
  EXPECT_EQ(told_of(InputError("first\nsecond")).message, of_last_rank("first\nsecond"));
}

TEST(OnRoot, OnlyRankZeroWorksAndAllHearOfItsFailure) {
  int done = 0;
  on_root(test_world(), [&] { ++done; });
  EXPECT_EQ(done, test_world().is_root() ? 1 : 0);
  const auto text = thrown<ConfigError>(
      [] { on_root(test_world(), [] { throw std::runtime_error("lost\nfor ever"); }); });
  EXPECT_EQ(text, "lost");
}

TEST(OnRoot, ACollectiveInItIsAMistakeThatAllRanksHearOf) {
  const auto text =
      thrown<ConfigError>([] { on_root(test_world(), [] { test_world().barrier(); }); });
  EXPECT_TRUE(contains(text, "barrier inside work")) << text;
}

TEST(InTurns, AFailureInATurnIsEveryRanks) {
  const SharedFolder folder;
  StopControl stop = never_stopped(folder);
  int done = 0;
  const auto text = thrown<ConfigError>([&] {
    in_turns(test_world(), "test", 12, stop, [&](int i) {
      if (i == 11) throw InputError("item 11 is damaged");
      ++done;
    });
  });
  EXPECT_TRUE(contains(text, "item 11 is damaged")) << text;
  EXPECT_EQ(done, 12 / test_world().size() - (test_world().rank() == last_rank() ? 1 : 0));
}

TEST(InTurns, AStopFileEndsAllRanksBetweenTwoTurns) {
  const SharedFolder folder;
  StopControl stop = never_stopped(folder);
  if (test_world().is_root()) std::ofstream(folder.path() / "STOP");
  const auto code = thrown_code([&] {
    in_turns(test_world(), "test", 12 * test_world().size(), stop,
             [&](int) { std::this_thread::sleep_for(std::chrono::milliseconds(200)); });
  });
  EXPECT_EQ(code, ExitCode::checkpointed);
  test_world().barrier();
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "STOP"));
  test_world().barrier();
}

}  // namespace
}  // namespace enas::run
