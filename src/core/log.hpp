// SPDX-License-Identifier: Apache-2.0
// Messages for the user. Rank 0 prints them and writes them to run.log; other ranks print errors
// only.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

namespace enas {

/// Made once, in main, and handed down. Results of commands are no messages and are printed
/// elsewhere.
class Log {
 public:
  /// Of rank `rank`. On a terminal progress is one line that is replaced, else plain lines.
  explicit Log(int rank);
  /// A log of rank `rank` that prints errors only and opens no file. For commands whose standard
  /// output is to be JSON alone.
  static Log errors_only(int rank);
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
  Log(int rank, bool errors_only);
  std::unique_ptr<Sink> sink_;
};

}  // namespace enas
