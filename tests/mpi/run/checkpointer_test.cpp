// SPDX-License-Identifier: Apache-2.0
// Loading that fails on rank 0 leaves no other rank waiting. Saving and loading of real jobs is
// tested in tests/mpi/search.
#include "run/checkpointer.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <new>
#include <stdexcept>

#include "support/shared_folder.hpp"
#include "support/thrown.hpp"

namespace enas::run {
namespace {

/// A job for which memory runs out as soon as one of its checkpoints is opened.
class HungryJob : public Job {
 public:
  const CheckpointKind& kind() const override { throw std::bad_alloc(); }
  State state() override { return {}; }
  Position& position() override { return position_; }
  const Position& position() const override { return position_; }
  StepLog& rows() override { throw std::logic_error("it has no rows"); }
  const char* weight_section() const override { return "weights"; }
  bool done() const override { return false; }
  StepOutcome advance(std::int64_t) override { return {}; }
  void end_stretch() override {}
  void started(bool) override {}
  void saved() override {}
  void failed(const Error&) override {}
  void ended(const std::string&, double) override {}

 private:
  Position position_;
};

TEST(Checkpointer, AnyExceptionWhileLoadingIsEveryRanks) {
  const SharedFolder folder;
  const Directory directory(folder.path());
  if (test_world().is_root()) {
    std::filesystem::create_directory(folder.path() / "checkpoints");
    std::ofstream(directory.checkpoint_path(3)) << "x";
  }
  Log log = Log::errors_only(test_world().rank());
  const CheckpointOptions options;
  HungryJob job;
  Checkpointer checkpointer(test_world(), log, directory, options, {}, job);
  ExitCode code = ExitCode::success;
  const auto text = thrown<ConfigError>([&] {
    try {
      checkpointer.load({});
    } catch (const Error& error) {
      code = error.code();
      throw;
    }
  });
  EXPECT_EQ(text, "out of memory");
  EXPECT_EQ(code, ExitCode::internal);
}

}  // namespace
}  // namespace enas::run
