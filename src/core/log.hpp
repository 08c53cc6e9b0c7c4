// SPDX-License-Identifier: Apache-2.0
// The only way to speak to the user: rank 0 to the terminal and run.log, other ranks only on
// errors.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

namespace enas {

/// One for the process, made in main and handed down. Results of subcommands go to stdout by
/// themselves.
class Log {
 public:
  /// Only `rank` 0 prints; on a terminal progress is one live line, else plain lines.
  explicit Log(int rank);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// From now on everything also goes to this file (rank 0; appended, flushed line by line).
  void open_file(const std::filesystem::path& path);
  /// Closes the file; later messages still reach the terminal.
  void close_file();

  void info(std::string_view message);
  void warn(std::string_view message);
  /// Printed by every rank, with its number when it is not rank 0.
  void error(std::string_view message);

  /// The live line. On a terminal it replaces itself, at most ten times a second; otherwise, and in
  /// run.log, it is printed as a plain line every `interval_s` seconds.
  void progress(std::string_view line);
  void set_progress_interval(double interval_s);

 private:
  struct Sink;
  std::unique_ptr<Sink> sink_;
};

}  // namespace enas
