#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""results.py FILE.xml...: how the tests of each row of README.md ended, as a Markdown table.

The files are those of `pytest --junitxml FILE` (started where the folder of each test stays in its name, such as in
tests/) and of `ctest --output-junit FILE`; a file that is given twice or a test that ran twice counts twice. Tests in
C++ are counted as CTest counts them: one for each program and number of ranks. Exits with 1 when a test failed."""
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

README = Path(__file__).parent / "README.md"
FOLDERS = ("e2e/", "fault/", "fuzz/", "lint/", "long/", "mpi/", "slurm/", "unit/")


class Case(NamedTuple):
    """One test with one set of parameters: e2e/test_stop.py::test_kill[0], or CTest's name of it."""

    name: str
    state: str
    seconds: float
    to_stop: list[float]  # from an act to the end of the last process

    def test(self):
        """Without parameters or numbers of ranks."""
        return re.split(r"[\[@]", self.name, maxsplit=1)[0]


def case_of(element):
    name, module = element.get("name"), element.get("classname", "").split(".")
    if module[-1].startswith("test_"):
        name = f"{'/'.join(module[-2:])}.py::{name}"
    bad = any(element.find(kind) is not None for kind in ("failure", "error")) or element.get("status") == "fail"
    left_out = element.find("skipped") is not None or element.get("status") in ("notrun", "disabled")
    to_stop = [float(each.get("value")) for each in element.iter("property") if each.get("name") == "seconds_to_stop"]
    state = "failed" if bad else "skipped" if left_out else "passed"
    return Case(name, state, float(element.get("time") or 0), to_stop)


def cases_of(files):
    return [case_of(element) for file in files for element in ElementTree.parse(file).iter("testcase")]


def references(cell):
    """The tests of a cell: `file::test`, then `::test` of the same file, then `[parameters]` of the same test."""
    found, file, test = [], "", ""
    for token in re.findall(r"`([^`]+)`", cell):
        if token.startswith("["):
            found.append(test + token)
        elif token.startswith("::"):
            test = file + token
            found.append(test)
        elif token.startswith(FOLDERS):
            file, test = token.split("::")[0], token.split("[")[0]
            found.append(token)
    return found


def rows_of(text):
    """{row: references} in the order of the tables."""
    cells = [line.split(" | ") for line in text.splitlines() if re.match(r"\| [A-Z]\d+ \|", line)]
    return {row[0].strip("| "): references(row[2]) for row in cells}


def is_named(reference, name):
    """Whether a case is one of the reference's. A file in C++ stands for the program that it is a part of."""
    if ".cpp" in reference:
        reference = "/".join(reference.split("/")[:2]) + ("@*" if reference.startswith("mpi/") else "")
    pattern = re.escape(reference).replace(r"\*", ".*")
    if reference.endswith(".py"):
        pattern += "::.*"
    elif "::" in reference and not reference.endswith("]"):
        pattern += r"(\[.*)?"
    return re.fullmatch(pattern, name, re.DOTALL) is not None


def line_of(row, cases):
    def count(state):
        return sum(case.state == state for case in cases)

    ran = len(cases) - count("skipped")
    skipped = f", {count('skipped')} skipped" if ran < len(cases) else ""
    seconds = [case.seconds for case in cases if case.state != "skipped"] or [0.0]
    to_stop = [each for case in cases for each in case.to_stop]
    return (f"| {row} | {len({case.test() for case in cases})} | {len(cases)} | {count('passed')} of {ran}{skipped} "
            f"| {sum(seconds):.1f} | {max(seconds):.1f} | {f'{max(to_stop):.1f}' if to_stop else '-'} |")


def main():
    cases = cases_of(sys.argv[1:])
    missing, of_rows = [], set()
    print("| Row | Tests | Repetitions | Passed | Seconds, all | Longest test | Longest time to stop |")
    print("|---|---|---|---|---|---|---|")
    for row, wanted in rows_of(README.read_text()).items():
        places = {place for place, case in enumerate(cases) if any(is_named(each, case.name) for each in wanted)}
        missing += [f"{row} `{each}`" for each in wanted if not any(is_named(each, case.name) for case in cases)]
        of_rows |= places
        print(line_of(row, [cases[place] for place in sorted(places)]))
    if missing:
        print("\nNot in these files: " + ", ".join(missing) + ".")
    failed = sorted({cases[place].name for place in of_rows if cases[place].state == "failed"})
    if failed:
        sys.exit("\nFailed: " + ", ".join(failed))


if __name__ == "__main__":
    main()
