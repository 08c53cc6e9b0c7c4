#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the slowest tests of a run and how much of the time allowed for everything it took.

test_times.py JUNIT_FILE SECONDS     SECONDS: from the first step of the set-up to the end of the last test
"""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

# A clean clone with cold caches on two cores; continuous integration may take 90.
BUDGET_MINUTES = 55
NUM_SLOWEST = 15


def main() -> int:
    results, seconds = Path(sys.argv[1]), float(sys.argv[2])
    if not results.exists():
        sys.exit(f"test_times.py: ctest left no {results.name}")
    cases = list(ElementTree.parse(results).getroot().iter("testcase"))
    status = [case.get("status") for case in cases]
    slowest = sorted(cases, key=lambda case: -float(case.get("time", "0")))[:NUM_SLOWEST]
    print(f"\nThe {len(slowest)} slowest of {len(cases)} tests:")
    for case in slowest:
        print(f"{float(case.get('time', '0')):8.1f} s  {case.get('name')}")
    allowed = "within" if seconds <= 60 * BUDGET_MINUTES else "ABOVE"
    print(f"Set-up, build and tests: {seconds / 60:.1f} minutes, {allowed} the budget of {BUDGET_MINUTES} "
          "for a clean clone with cold caches")
    skipped = sum(word in ("notrun", "disabled") for word in status)
    print(f"{status.count('run')} passed, {status.count('fail')} failed" + f", {skipped} skipped" * bool(skipped))
    return 0


if __name__ == "__main__":
    sys.exit(main())
