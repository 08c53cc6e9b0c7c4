// SPDX-License-Identifier: Apache-2.0
// Exit codes and the exceptions that carry them to main.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace enas {

/// What the process returns; the same on every rank. Documented in docs/exit-codes.md.
enum class ExitCode : int {
  success = 0,
  usage = 64,            ///< the command line is wrong
  bad_data = 65,         ///< a configuration, data set or checkpoint is wrong
  missing_input = 66,    ///< a file that should be read is not there or not readable
  internal = 70,         ///< our own bug, or out of memory
  cannot_create = 73,    ///< the run directory cannot be made, or is in use
  io_error = 74,         ///< writing or reading failed underneath
  checkpointed = 75,     ///< stopped on request with a checkpoint: run the same command again
  diverged = 76,         ///< too many steps without a finite loss
  permission = 77,       ///< not allowed to read or write
  timeout = 79,          ///< a peer did not answer in time
  replicas_differ = 80,  ///< replicas differed again after a reload
};

/// Base of everything that main turns into one message and an exit code. Thrown alike on every
/// rank, between collectives, and printed by rank 0; except SystemError and ContractError, which
/// one rank throws, prints and ends the job with.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

/// The user's configuration or command line is wrong. Thrown alike on every rank; rank 0 prints it.
class ConfigError : public Error {
 public:
  explicit ConfigError(const std::string& message, ExitCode code = ExitCode::bad_data)
      : Error(code, message) {}
};

/// The user's files are wrong or missing. Thrown alike on every rank; rank 0 prints it.
class InputError : public Error {
 public:
  explicit InputError(const std::string& message, ExitCode code = ExitCode::bad_data)
      : Error(code, message) {}
};

/// A library or the machine failed. The rank that sees it prints and aborts the job.
class SystemError : public Error {
 public:
  explicit SystemError(const std::string& message, ExitCode code = ExitCode::io_error)
      : Error(code, message) {}
};

/// Our own bug.
class ContractError : public Error {
 public:
  explicit ContractError(const std::string& message) : Error(ExitCode::internal, message) {}
};

/// Throws ContractError naming the place unless `condition` holds. Cheap, always on.
void expect(bool condition, std::string_view what,
            std::source_location where = std::source_location::current());

}  // namespace enas
