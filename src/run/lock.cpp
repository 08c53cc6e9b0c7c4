// SPDX-License-Identifier: Apache-2.0
#include "run/lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/json_text.hpp"
#include "core/text.hpp"
#include "io/file_calls.hpp"

namespace enas::run {

namespace {

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::string job_id() {
  const char* job = std::getenv("SLURM_JOB_ID");
  return job != nullptr ? job : "";
}

Json read_holder(int descriptor) {
  std::array<char, 4096> text{};
  const ssize_t length = pread(descriptor, text.data(), text.size(), 0);
  if (length <= 0) return Json::object();
  const auto holder = Json::parse(text.data(), text.data() + length, nullptr, false);
  return holder.is_object() ? holder : Json::object();
}

/// A text of the holder, "" when it is none: the file may hold anything.
std::string text_of(const Json& holder, const char* key) {
  const auto found = holder.find(key);
  return found != holder.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string or_else(const std::string& text, const char* otherwise) {
  return text.empty() ? otherwise : text;
}

/// The call's result once no signal interrupts it.
template <typename Call>
auto retried(Call&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// False, with errno, when the file could not be given this content.
bool rewrite(int descriptor, const std::string& text) {
  if (retried([&] { return ftruncate(descriptor, 0); }) != 0) return false;
  std::size_t done = 0;
  while (done < text.size()) {
    const auto written = retried([&] {
      return pwrite(descriptor, text.data() + done, text.size() - done, static_cast<off_t>(done));
    });
    if (written < 0) return false;
    done += static_cast<std::size_t>(written);
  }
  return true;
}

/// Whether another job holds the lock. Otherwise the descriptor has it from now on, in this mode of
/// flock(); where the file system knows no flock, the text alone decides.
bool is_held(int descriptor, int mode, const Json& holder) {
  const bool flocked = flock(descriptor, mode | LOCK_NB) == 0;
  const bool taken = !flocked && errno == EWOULDBLOCK;
  const bool elsewhere = !text_of(holder, "host").empty() && text_of(holder, "host") != host_name();
  const bool same_job = !job_id().empty() && text_of(holder, "job") == job_id();
  return taken || (elsewhere && !same_job);
}

[[noreturn]] void refuse(const std::filesystem::path& path, const Json& holder) {
  const std::string job = text_of(holder, "job");
  const Json pid = holder.value("pid", Json());
  throw ConfigError(concat("the run directory is in use: ", path.string(), " is held by process ",
                           pid.is_number_integer() ? json_text(pid) : "?", " on ",
                           or_else(text_of(holder, "host"), "an unknown host"),
                           job.empty() ? "" : concat(" (job ", job, ")"), " since ",
                           or_else(text_of(holder, "since"), "?"),
                           "; choose another --run-dir, or delete that file if that run is gone"),
                    ExitCode::cannot_create);
}

}  // namespace

Lock::Lock(const std::filesystem::path& path) {
  descriptor_ = retried([&] { return open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644); });
  if (descriptor_ < 0) {
    throw ConfigError(concat("cannot open ", path.string(), ": ", std::strerror(errno)),
                      errno == EACCES ? ExitCode::permission : ExitCode::cannot_create);
  }
  const Json holder = read_holder(descriptor_);
  if (is_held(descriptor_, LOCK_EX, holder)) {
    close(descriptor_);
    descriptor_ = -1;
    refuse(path, holder);
  }
  const Json owner = {
      {"host", host_name()}, {"pid", getpid()}, {"job", job_id()}, {"since", utc_now()}};
  const std::string text = json_text(owner) + "\n";
  if (!rewrite(descriptor_, text)) {
    const int error = errno;
    close(descriptor_);
    descriptor_ = -1;
    throw SystemError(concat("cannot write ", path.string(), ": ", std::strerror(error)));
  }
}

Lock::~Lock() {
  if (descriptor_ < 0) return;
  // An empty file means free. Unlinking it would let two jobs lock two files of the same name.
  if (retried([&] { return ftruncate(descriptor_, 0); }) == 0) fsync(descriptor_);
  close(descriptor_);
}

bool is_held_by_another_job(const std::filesystem::path& path) {
  const io::Descriptor file(io::open_retrying(path, O_RDONLY | O_NONBLOCK));
  if (file.number() < 0) return errno != ENOENT;
  return is_held(file.number(), LOCK_SH, read_holder(file.number()));
}

}  // namespace enas::run
