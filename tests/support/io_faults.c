/* SPDX-License-Identifier: Apache-2.0
 *
 * Faults of the file system on purpose, for tests: LD_PRELOAD this library.
 *
 * A point is a call of open (for writing), write, pwrite, fsync, ftruncate, rename, unlink or
 * remove on a path that begins with FAULT_UNDER, or on a descriptor opened there. Points are
 * numbered from
 * 1. Standard streams are never touched, nor is what the C library does inside itself (FILE*).
 *
 *   FAULT_UNDER  folder whose files count; nothing happens without it
 *   FAULT_LOG    file that gets a line "number call path" for each point
 *   FAULT_AT     number of the point that is hit, or "every"
 *   FAULT_LAST   number of the last point that is hit, where it is more than one
 *   FAULT_MODE   kill (SIGKILL in the place of the call), enospc, eio (the call fails),
 *                eintr (fails once, then works), short (half of a write is done)
 *
 *   FAULT_ENTRY  name of a file: listing the folder in which it lies fails with EIO
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { kMaxDescriptors = 1024 };
static char path_of[kMaxDescriptors][PATH_MAX]; /* "" for those that do not count */
static long num_points = 0;
static int was_interrupted = 0; /* the call before was, so this is its repetition */

static void* real(const char* name) { return dlsym(RTLD_NEXT, name); }

static int is_watched(const char* path) {
  const char* under = getenv("FAULT_UNDER");
  return under != NULL && *under != '\0' && strncmp(path, under, strlen(under)) == 0;
}

static const char* watched_descriptor(int number) {
  if (number <= STDERR_FILENO || number >= kMaxDescriptors) return NULL;
  return path_of[number][0] != '\0' ? path_of[number] : NULL;
}

static void note(const char* call, const char* path) {
  const char* log = getenv("FAULT_LOG");
  if (log == NULL) return;
  char line[PATH_MAX + 64];
  const int length = snprintf(line, sizeof line, "%ld %s %s\n", num_points, call, path);
  const int file = ((int (*)(const char*, int, ...))real("open"))(
      log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return;
  const ssize_t written =
      ((ssize_t(*)(int, const void*, size_t))real("write"))(file, line, (size_t)length);
  (void)written;
  close(file);
}

static int is_hit(void) {
  const char* at = getenv("FAULT_AT");
  const char* last = getenv("FAULT_LAST");
  if (at == NULL) return 0;
  if (strcmp(at, "every") == 0) return 1;
  const long first = atol(at);
  return num_points >= first && num_points <= (last != NULL ? atol(last) : first);
}

/* 0: do the call; -1: it fails with errno; 1: do half of it. */
static int point(const char* call, const char* path) {
  if (was_interrupted) {
    was_interrupted = 0;
    return 0;
  }
  ++num_points;
  note(call, path);
  const char* mode = getenv("FAULT_MODE");
  if (mode == NULL || !is_hit()) return 0;
  if (strcmp(mode, "kill") == 0) kill(getpid(), SIGKILL);
  if (strcmp(mode, "enospc") == 0)
    errno = ENOSPC;
  else if (strcmp(mode, "eio") == 0)
    errno = EIO;
  else if (strcmp(mode, "short") == 0)
    return strstr(call, "write") != NULL ? 1 : 0;
  else if (strcmp(mode, "eintr") == 0) {
    /* rename, unlink and remove are never interrupted. */
    if (strcmp(call, "rename") == 0 || strcmp(call, "unlink") == 0 || strcmp(call, "remove") == 0)
      return 0;
    errno = EINTR;
    was_interrupted = 1;
  } else
    return 0;
  return -1;
}

static int open_watched(const char* name, const char* path, int flags, mode_t mode) {
  const int counts = is_watched(path) && (flags & (O_WRONLY | O_RDWR | O_CREAT | O_DIRECTORY)) != 0;
  if (counts && point("open", path) < 0) return -1;
  const int number = ((int (*)(const char*, int, ...))real(name))(path, flags, mode);
  if (number >= 0 && number < kMaxDescriptors) {
    path_of[number][0] = '\0';
    if (counts) snprintf(path_of[number], PATH_MAX, "%s", path);
  }
  return number;
}

#define DEFINE_OPEN(name)                          \
  int name(const char* path, int flags, ...) {     \
    mode_t mode = 0;                               \
    if ((flags & O_CREAT) != 0) {                  \
      va_list more;                                \
      va_start(more, flags);                       \
      mode = va_arg(more, mode_t);                 \
      va_end(more);                                \
    }                                              \
    return open_watched(#name, path, flags, mode); \
  }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

int close(int number) {
  if (number >= 0 && number < kMaxDescriptors) path_of[number][0] = '\0';
  return ((int (*)(int))real("close"))(number);
}

ssize_t write(int number, const void* bytes, size_t size) {
  const char* path = watched_descriptor(number);
  const int what = path != NULL ? point("write", path) : 0;
  if (what < 0) return -1;
  if (what > 0 && size > 1) size /= 2;
  return ((ssize_t(*)(int, const void*, size_t))real("write"))(number, bytes, size);
}

static ssize_t pwrite_watched(const char* name, int number, const void* bytes, size_t size,
                              off_t at) {
  const char* path = watched_descriptor(number);
  const int what = path != NULL ? point("pwrite", path) : 0;
  if (what < 0) return -1;
  if (what > 0 && size > 1) size /= 2;
  return ((ssize_t(*)(int, const void*, size_t, off_t))real(name))(number, bytes, size, at);
}

ssize_t pwrite(int number, const void* bytes, size_t size, off_t at) {
  return pwrite_watched("pwrite", number, bytes, size, at);
}

ssize_t pwrite64(int number, const void* bytes, size_t size, off_t at) {
  return pwrite_watched("pwrite64", number, bytes, size, at);
}

int fsync(int number) {
  const char* path = watched_descriptor(number);
  if (path != NULL && point("fsync", path) < 0) return -1;
  return ((int (*)(int))real("fsync"))(number);
}

int ftruncate(int number, off_t size) {
  const char* path = watched_descriptor(number);
  if (path != NULL && point("ftruncate", path) < 0) return -1;
  return ((int (*)(int, off_t))real("ftruncate"))(number, size);
}

static int is_bad_entry(const char* name) {
  const char* bad = getenv("FAULT_ENTRY");
  return bad != NULL && strcmp(bad, name) == 0;
}

#define DEFINE_READDIR(name, type)                                        \
  struct type* name(DIR* folder) {                                        \
    struct type* entry = ((struct type * (*)(DIR*)) real(#name))(folder); \
    if (entry == NULL || !is_bad_entry(entry->d_name)) return entry;      \
    errno = EIO;                                                          \
    return NULL;                                                          \
  }
DEFINE_READDIR(readdir, dirent)
DEFINE_READDIR(readdir64, dirent64)

int rename(const char* from, const char* to) {
  if (is_watched(to) && point("rename", to) < 0) return -1;
  return ((int (*)(const char*, const char*))real("rename"))(from, to);
}

/* Removing what is not there is no point: how often that is tried may depend on the clock. */
static int is_there(const char* path) { return access(path, F_OK) == 0; }

int unlink(const char* path) {
  if (is_watched(path) && is_there(path) && point("unlink", path) < 0) return -1;
  return ((int (*)(const char*))real("unlink"))(path);
}

int remove(const char* path) {
  if (is_watched(path) && is_there(path) && point("remove", path) < 0) return -1;
  return ((int (*)(const char*))real("remove"))(path);
}
