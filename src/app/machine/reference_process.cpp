// SPDX-License-Identifier: Apache-2.0
#include "app/machine/reference_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::app {
namespace {

constexpr char kGo = 'g';
constexpr char kDone = 'd';
/// OpenMP's threads go on spinning for about this long after a parallel part.
constexpr std::chrono::milliseconds kSettle(30);

[[noreturn]] void throw_system(const char* call) {
  throw SystemError(
      concat("the reference process cannot be started: ", call, ": ", std::strerror(errno)));
}

/// One byte. False at the end of the pipe.
bool read_byte(int fd, char& byte) {
  for (;;) {
    const auto count = read(fd, &byte, 1);
    if (count >= 0) return count == 1;
    if (errno != EINTR) return false;
  }
}

bool write_byte(int fd, char byte) {
  for (;;) {
    const auto count = write(fd, &byte, 1);
    if (count >= 0) return count == 1;
    if (errno != EINTR) return false;
  }
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> piece{};
  for (;;) {
    const auto count = read(fd, piece.data(), piece.size());
    if (count > 0) text.append(piece.data(), static_cast<std::size_t>(count));
    if (count == 0 || (count < 0 && errno != EINTR)) return text;
  }
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> own_environment() {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) all.emplace_back(*entry);
  return all;
}

}  // namespace

std::vector<std::string> reference_arguments(const CommandLine& line, const Settings& settings) {
  std::vector<std::string> arguments = {"enas_hpc", "bench", "--config", line.config_file.string()};
  const auto set = [&](const std::string& text) {
    arguments.insert(arguments.end(), {"--set", text});
  };
  for (const auto& text : line.sets) set(text);
  set("supernet.kernels=eager");
  if (settings.space.kind == space::SpaceKind::recurrent) set("supernet.precision=float32");
  set(concat("run.threads=", settings.run.threads));
  const auto& bench = line.bench;
  arguments.insert(arguments.end(),
                   {"--steps", concat(bench.steps), "--repeats", concat(bench.repeats), "--phase",
                    bench.phase, "--json", "--lockstep"});
  return arguments;
}

std::vector<std::string> reference_environment(const std::vector<std::string>& environment) {
  std::vector<std::string> kept;
  for (const auto& entry : environment) {
    const auto begins = [&](const char* prefix) { return entry.starts_with(prefix); };
    if (begins("OMPI_") || begins("PMIX_") || begins("PMI_") || begins("ENAS_HPC_")) continue;
    kept.push_back(entry);
  }
  kept.emplace_back("ENAS_HPC_MKL_FAST_PATH=0");
  kept.emplace_back("ENAS_HPC_KEEP_MEMORY=0");
  return kept;
}

ReferenceProcess::ReferenceProcess(const CommandLine& line, const Settings& settings) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  errors_ = memfd_create("enas_hpc reference", MFD_CLOEXEC);
  if (errors_ < 0) throw_system("memfd_create");
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) throw_system("pipe");
  to_ = in[1];
  from_ = out[0];
  auto arguments = reference_arguments(line, settings);
  auto environment = reference_environment(own_environment());
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors_, STDERR_FILENO);
  const int result = posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr,
                                 pointers(arguments).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  if (result != 0) {
    pid_ = -1;
    errno = result;
    throw_system("posix_spawn");
  }
  std::signal(SIGPIPE, SIG_IGN);  // its end is told by the pipe it writes to
}

ReferenceProcess::~ReferenceProcess() {
  for (const int fd : {to_, from_, errors_}) {
    if (fd >= 0) close(fd);
  }
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void ReferenceProcess::take_turn() {
  char byte = 0;
  if (!write_byte(to_, kGo) || !read_byte(from_, byte) || byte != kDone) fail();
  std::this_thread::sleep_for(kSettle);
}

Json ReferenceProcess::report() {
  const std::string text = read_all(from_);
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) fail();
  return json;
}

void ReferenceProcess::fail() {
  int status = 0;
  close(to_);  // whatever it waits for, it ends
  to_ = -1;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  lseek(errors_, 0, SEEK_SET);
  const std::string said = first_line(read_all(errors_));
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  const std::string how = WIFSIGNALED(status) ? concat("ended by signal ", WTERMSIG(status))
                                              : concat("exit code ", code);
  throw ConfigError(
      concat("the reference process failed (", how, "): ", said.empty() ? "it said nothing" : said),
      code >= 64 && code <= 80 ? static_cast<ExitCode>(code) : ExitCode::internal);
}

void die_with_parent() { prctl(PR_SET_PDEATHSIG, SIGKILL); }

void await_turn() {
  char byte = 0;
  if (!read_byte(STDIN_FILENO, byte)) {
    throw ConfigError("the process that this is the reference of is gone", ExitCode::internal);
  }
  std::this_thread::sleep_for(kSettle);
}

void end_turn() { write_byte(STDOUT_FILENO, kDone); }

}  // namespace enas::app
