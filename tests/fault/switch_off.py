#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""switch_off.py BUILD [NAME...]: switches off each detector alone, rebuilds, and runs the test that must then fail.

A detector that does nothing would pass a test that only looks at the end of a run. Prints the table of
docs/reliability.md. The sources are changed in place and put back, so they must be as committed; BUILD is a build
folder of this checkout (`build/release`), left as it was."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parents[2]


class Detector(NamedTuple):
    name: str
    file: str
    code: str
    without: str
    tests: list[str]


DETECTORS = [
    Detector("the comparison of replicas", "src/run/replicas.cpp",
             "if (minority(digests).empty()) return;", "if (digests.size() > 0) return;",
             ["fault/test_silent.py::test_a_flip_is_found_before_it_is_stored",
              "fault/test_silent.py::test_a_flip_just_before_a_save",
              "fault/test_silent.py::test_a_flip_in_the_moments_of_the_strategy"]),
    Detector("the comparison of ranks at the start", "src/run/start.cpp",
             "if (same == world.size()) continue;", "if (same > 0) continue;",
             ["fault/test_ranks.py::test_ranks_that_are_not_alike",
              "fault/test_ranks.py::test_digests_that_are_not_alike"]),
    Detector("the warning of slow ranks", "src/run/straggler.cpp",
             "if (*slowest <= options_.straggler_factor * *middle)", "if (*slowest <= 1e9 * *middle)",
             ["fault/test_ranks.py::test_a_slow_rank"]),
    Detector("the watchdog", "src/comm/watchdog.cpp",
             "if (idle_s >= timeout_s_)", "if (idle_s >= 1e9 * timeout_s_)",
             ["fault/test_ranks.py::test_a_rank_that_stays_away_from_a_sum",
              "e2e/test_faults.py::test_a_stopped_rank"]),
    Detector("the warning of other threads", "src/run/start.cpp",
             "log.warn(concat(\"run.threads is \"", "log.info(concat(\"run.threads is \"",
             ["fault/test_ranks.py::test_threads_of_a_resume"]),
    Detector("the digest of a checkpoint", "src/io/sealed_file.cpp",
             "if (!same(found, wanted, 24, 40))\n    refuse_file(path, \"has the wrong digest: its bytes were changed\");\n"
             "  if (found != wanted) refuse_file", "if (!same(found, wanted, 0, 24)) refuse_file",
             ["e2e/test_checkpoints.py::test_every_bit_counts"]),
    Detector("the lock of the run directory", "src/run/lock.cpp",
             "return taken || (elsewhere && !same_job);", "return false && (taken || (elsewhere && !same_job));",
             ["e2e/test_checkpoints.py::test_two_runs_in_one_directory"]),
    Detector("the removal of half a save", "src/run/checkpointer.cpp",
             "if (step == last_step_) return;", "if (step >= 0) return;",
             ["fault/test_writes.py::test_a_failure_at_every_point_of_a_save"]),
    Detector("renaming after writing, not before", "src/io/durable_file.cpp",
             "const fs::path temporary(concat(path.native(), kTemporaryMark, ::getpid()));",
             "const fs::path temporary(path);",
             ["fault/test_writes.py::test_killed_at_every_point_of_a_save"]),
    Detector("leaving out slots that are not finite", "src/train/step.cpp",
             "if (finite && std::isfinite(slot_norm_ + statistics)) return true;", "if (finite) return true;",
             ["e2e/test_faults.py::test_a_slot_that_is_not_finite_is_left_out",
              "e2e/test_faults.py::test_another_rank_may_have_the_bad_slot"]),
    Detector("the limit of failed writes", "src/run/checkpointer.cpp",
             "if (failures_ >= options_.max_failures) {", "if (failures_ < 0) {",
             ["e2e/test_checkpoints.py::test_too_many_failed_writes"]),
    Detector("retiring log parts of a left timeline", "src/run/directory.cpp",
             "if (dash == std::string_view::npos || number(steps.substr(0, dash)) < 0 ||",
             "if (dash == std::string_view::npos || number(steps.substr(0, dash)) >= 0 ||",
             ["e2e/test_resume.py::test_a_lost_checkpoint_is_made_again",
              "e2e/test_resume.py::test_never_starts_anew_and_deletes_nothing"]),
    Detector("the time limit", "src/run/stop_control.cpp",
             "return since_start_.seconds() >= max_time_s_;", "return since_start_.seconds() >= 1e9 * max_time_s_;",
             ["e2e/test_stop.py::test_max_time"]),
    Detector("the agreement of ranks on a failure", "src/comm/collectives.cpp",
             "if (first == codes.end()) return {};", "if (first <= codes.end()) return {};",
             ["e2e/test_checkpoints.py::test_all_damaged",
              "fault/test_ranks.py::test_a_rank_that_sees_another_file"]),
    Detector("the end of all ranks with one", "src/app/application.cpp",
             "world.abort(code);", "return code;",
             ["e2e/test_faults.py::test_a_rank_that_throws"]),
]


def build(folder):
    subprocess.run(["cmake", "--build", folder, "--target", "enas_hpc", "io_faults"], check=True,
                   stdout=subprocess.DEVNULL)


def fails(test, environment):
    """Whether a test fails because something that it asserts is not so."""
    done = subprocess.run([sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
                           SOURCE / "tests" / test], env=environment, text=True, capture_output=True)
    if done.returncode not in (0, 1):
        sys.exit(f"{test} could not be run:\n{done.stdout}\n{done.stderr}")
    return done.returncode == 1


def switched_off(detector, folder, environment):
    """(test, whether it failed) of each, without the detector."""
    file = SOURCE / detector.file
    text = file.read_text()
    if text.count(detector.code) != 1:
        sys.exit(f"{detector.file} no longer holds once: {detector.code}")
    try:
        file.write_text(text.replace(detector.code, detector.without))
        build(folder)
        return [(test, fails(test, environment)) for test in detector.tests]
    finally:
        file.write_text(text)


def main():
    folder, names = Path(sys.argv[1]).absolute(), sys.argv[2:]
    if subprocess.run(["git", "-C", SOURCE, "diff", "--quiet", "HEAD", "--", "src"], check=False).returncode != 0:
        sys.exit("the sources are not as committed")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    environment = {**os.environ, "ENAS_HPC": str(folder / "src/app/enas_hpc"),
                   "ENAS_IO_FAULTS": str(folder / "tests/fault/libio_faults.so")}
    missed = 0
    print("| Switched off | Test that failed then |\n|---|---|")
    try:
        for detector in DETECTORS:
            if names and detector.name not in names:
                continue
            start = time.monotonic()
            results = switched_off(detector, folder, environment)
            missed += sum(not failed for _, failed in results)
            said = ", ".join(f"`{test}`" if failed else f"PASSED: `{test}`" for test, failed in results)
            print(f"| {detector.name} | {said} |", flush=True)
            print(f"{detector.name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    finally:
        build(folder)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
