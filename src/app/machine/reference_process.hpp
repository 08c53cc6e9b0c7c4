// SPDX-License-Identifier: Apache-2.0
// The second process of `bench --reference`: the same benchmark with plain LibTorch operations,
// working only while the first one waits. Both ends of the pipes between them are here.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "app/command_line.hpp"
#include "app/config/settings.hpp"
#include "core/json.hpp"

namespace enas::app {

/// What the second process is started with.
std::vector<std::string> reference_arguments(const CommandLine& line, const Settings& settings);
/// NAME=VALUE of `environment` without what ties a process to an MPI job, and with what switches
/// the settings of this program off.
std::vector<std::string> reference_environment(const std::vector<std::string>& environment);

/// The first process's end.
class ReferenceProcess {
 public:
  /// Starts it. Throws SystemError when the system does not.
  ReferenceProcess(const CommandLine& line, const Settings& settings);
  /// Ends it if it is still there.
  ~ReferenceProcess();
  ReferenceProcess(const ReferenceProcess&) = delete;
  ReferenceProcess& operator=(const ReferenceProcess&) = delete;

  /// Lets it do its next piece of work, and waits for that. Throws ConfigError with its message and
  /// code when it failed.
  void take_turn();
  /// What it measured, once it has done all its work.
  Json report();

 private:
  [[noreturn]] void fail();

  pid_t pid_ = -1;
  int to_ = -1;
  int from_ = -1;
  int errors_ = -1;  ///< what it printed to stderr
};

/// The second process's end: it waits for its turn on stdin and tells on stdout that it is over.
/// Ends this process when the first one is gone.
void die_with_parent();
void await_turn();
void end_turn();

}  // namespace enas::app
