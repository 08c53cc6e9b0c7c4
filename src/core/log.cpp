// SPDX-License-Identifier: Apache-2.0
// Messages through spdlog. LibTorch has another version of fmt, so its headers must stay out here.
#include "core/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace enas {
namespace {

constexpr double kLiveInterval_s = 0.1;
constexpr double kDefaultProgressInterval_s = 10;
constexpr std::string_view kClearLine = "\r\033[K";

/// The message with "?" for control characters, which could move the cursor of a terminal.
std::string printable(std::string_view message) {
  std::string text(message);
  for (char& letter : text) {
    const auto code = static_cast<unsigned char>(letter);
    if ((code < 0x20 && letter != '\n' && letter != '\t') || code == 0x7f) letter = '?';
  }
  return text;
}

/// The first `columns` UTF-8 letters. A line of more would wrap, and could not be replaced.
std::string_view cut(std::string_view line, std::size_t columns) {
  std::size_t letters = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool starts_letter = (static_cast<unsigned char>(line[i]) & 0xC0U) != 0x80U;
    if (starts_letter && ++letters > columns) return line.substr(0, i);
  }
  return line;
}

std::size_t terminal_columns() {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? size.ws_col - 1U : 79U;
}

/// Whether mpirun, our parent, prints to a terminal. It gives each process a terminal of its own
/// that nobody looks at.
bool launcher_has_terminal() {
  std::error_code error;
  const auto target = std::filesystem::read_symlink(concat("/proc/", getppid(), "/fd/1"), error);
  return !error &&
         (target.string().starts_with("/dev/pts/") || target.string().starts_with("/dev/tty"));
}

bool stdout_is_terminal() {
  if (isatty(STDOUT_FILENO) != 1) return false;
  const char* kind = std::getenv("TERM");
  if (kind != nullptr && std::string_view(kind) == "dumb") return false;
  return std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr || launcher_has_terminal();
}

void print(spdlog::logger& logger, std::string_view text) {
  logger.log(spdlog::level::info, spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace

struct Log::Sink {
  Sink(int rank_number, bool errors_only)
      : rank(rank_number),
        tells_all(rank_number == 0 && !errors_only),
        has_live_line(tells_all && stdout_is_terminal()),
        out("out", std::make_shared<spdlog::sinks::stdout_sink_mt>()),
        err("err", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    // A run goes on when its terminal or pipe is closed.
    for (spdlog::logger* logger : {&out, &err}) {
      logger->set_formatter(plain_formatter("\n"));
      logger->set_error_handler([](const std::string&) {});
    }
  }

  static std::unique_ptr<spdlog::formatter> plain_formatter(std::string end_of_line) {
    return std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc,
                                                       std::move(end_of_line));
  }

  void print_raw(std::string_view text) {
    out.set_formatter(plain_formatter(""));
    print(out, text);
    out.set_formatter(plain_formatter("\n"));
  }

  void clear_live_line() {
    if (live_line_shown) print_raw(kClearLine);
    live_line_shown = false;
  }

  void say(spdlog::logger& terminal, std::string_view text) {
    clear_live_line();
    print(terminal, text);
    if (file) print(*file, text);
  }

  void file_failed(const std::string& reason) {
    if (file_failure_told) return;
    file_failure_told = true;
    clear_live_line();
    print(err, concat("warning: run.log is incomplete: ", reason));
  }

  const int rank;
  const bool tells_all;  ///< else only errors
  const bool has_live_line;
  spdlog::logger out;
  spdlog::logger err;
  std::optional<spdlog::logger> file;
  bool file_failure_told = false;
  bool live_line_shown = false;
  double progress_interval_s = kDefaultProgressInterval_s;
  std::optional<Stopwatch> since_live;   // empty until the first one
  std::optional<Stopwatch> since_plain;  // empty until the first one
  std::mutex mutex;
};

Log::Log(int rank) : Log(rank, false) {}

Log::Log(int rank, bool errors_only) : sink_(std::make_unique<Sink>(rank, errors_only)) {}

Log Log::errors_only(int rank) { return Log(rank, true); }

Log::~Log() {
  if (sink_->live_line_shown) sink_->print_raw("\n");
}

void Log::open_file(const std::filesystem::path& path) {
  const std::lock_guard lock(sink_->mutex);
  if (!sink_->tells_all) return;
  try {
    sink_->file.emplace("file", std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string()));
  } catch (const spdlog::spdlog_ex& failure) {
    throw SystemError(concat("cannot open the log file: ", failure.what()));
  }
  sink_->file->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "%Y-%m-%dT%H:%M:%SZ %v", spdlog::pattern_time_type::utc));
  sink_->file->flush_on(spdlog::level::trace);
  sink_->file->set_error_handler(
      [sink = sink_.get()](const std::string& reason) { sink->file_failed(reason); });
}

void Log::close_file() {
  const std::lock_guard lock(sink_->mutex);
  sink_->file.reset();
}

void Log::info(std::string_view message) {
  const std::lock_guard lock(sink_->mutex);
  if (sink_->tells_all) sink_->say(sink_->out, printable(message));
}

void Log::warn(std::string_view message) {
  const std::lock_guard lock(sink_->mutex);
  if (sink_->tells_all) sink_->say(sink_->err, "warning: " + printable(message));
}

void Log::error(std::string_view message) {
  const std::lock_guard lock(sink_->mutex);
  const std::string who = sink_->rank == 0 ? "" : concat("rank ", sink_->rank, ": ");
  sink_->say(sink_->err, who + "error: " + printable(message));
}

void Log::progress(std::string_view line) {
  const std::lock_guard lock(sink_->mutex);
  Sink& sink = *sink_;
  if (!sink.tells_all) return;
  const std::string text = printable(line);
  if (!sink.since_plain || sink.since_plain->seconds() >= sink.progress_interval_s) {
    sink.since_plain.emplace();
    if (!sink.has_live_line) print(sink.out, text);
    if (sink.file) print(*sink.file, text);
  }
  if (sink.has_live_line && (!sink.since_live || sink.since_live->seconds() >= kLiveInterval_s)) {
    sink.since_live.emplace();
    sink.print_raw(concat(kClearLine, cut(text, terminal_columns())));
    sink.live_line_shown = true;
  }
}

void Log::set_progress_interval(double interval_s) {
  const std::lock_guard lock(sink_->mutex);
  sink_->progress_interval_s = interval_s;
}

}  // namespace enas
