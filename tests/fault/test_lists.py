# SPDX-License-Identifier: Apache-2.0
"""What README.md, switch_off.py and results.py name is there; none of them is run here."""
import ast
from pathlib import Path

import pytest
import results
import switch_off

TESTS = Path(__file__).parents[1]
ROWS = results.rows_of(results.README.read_text())


def functions_of(file):
    return {node.name for node in ast.parse((TESTS / file).read_text()).body if isinstance(node, ast.FunctionDef)}


def assert_exists(reference):
    """A test of a file in Python; the file of one in C++, with its name."""
    file, _, test = reference.partition("::")
    assert (TESTS / file).is_file(), reference
    if file.endswith(".py"):
        names = [f"{file}::{name}" for name in functions_of(file)]
        assert any(results.is_named(reference.partition("[")[0], name) for name in names), reference
    else:
        assert all(part in (TESTS / file).read_text() for part in test.split(".")), reference


@pytest.mark.parametrize("detector", switch_off.DETECTORS, ids=lambda detector: detector.name)
def test_a_detector_can_be_switched_off(detector):
    text = (switch_off.SOURCE / detector.file).read_text()
    assert text.count(detector.code) == 1, f"{detector.file} no longer holds once: {detector.code}"
    assert detector.without not in ("", detector.code)
    assert detector.tests
    for test in detector.tests:
        assert_exists(test)


def test_detectors_have_names_of_their_own():
    names = [detector.name for detector in switch_off.DETECTORS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_names_tests(row):
    assert ROWS[row]
    for reference in ROWS[row]:
        if ".py" in reference or ".cpp" in reference:
            assert_exists(reference)


def test_every_row_is_there():
    assert {row[0] for row in ROWS} == set("RCLENSPMQ")
    for letter in "RCLENSPMQ":
        numbers = [int(row[1:]) for row in ROWS if row[0] == letter]
        assert numbers == list(range(1, len(numbers) + 1))


def test_results_counts_what_it_reads(tmp_path):
    """Made-up results: two of pytest with parameters, one skipped, one failed, and three of CTest."""
    file = tmp_path / "results.xml"
    file.write_text("""<testsuites><testsuite>
        <testcase classname="tests.e2e.test_stop" name="test_kill_of_a_rank[0]" time="2.5">
        <properties><property name="seconds_to_stop" value="2.25"/></properties></testcase>
        <testcase classname="tests.e2e.test_stop" name="test_kill_of_a_rank[1]" time="1.5"/>
        <testcase classname="tests.e2e.test_stop" name="test_kill_of_mpirun" time="9"><skipped/></testcase>
        <testcase classname="tests.fault.test_stop" name="test_kill_of_a_rank[0]" time="7"/>
        <testcase classname="mpi/search@1" name="mpi/search@1" time="4" status="run"/>
        <testcase classname="mpi/search@2" name="mpi/search@2" time="5" status="fail"><failure message=""/></testcase>
        <testcase classname="mpi/searching@2" name="mpi/searching@2" time="5" status="run"/>
        </testsuite></testsuites>""")
    cases = results.cases_of([file])
    cell = "`e2e/test_stop.py::test_kill_*`, `[7]`, by `mpirun`; `mpi/search/weight_step_test.cpp::WeightStep.Some`"
    wanted = results.references(cell)
    assert wanted == ["e2e/test_stop.py::test_kill_*", "e2e/test_stop.py::test_kill_*[7]",
                      "mpi/search/weight_step_test.cpp::WeightStep.Some"]
    named = [case for case in cases if any(results.is_named(each, case.name) for each in wanted)]
    assert [case.seconds for case in named] == [2.5, 1.5, 9, 4, 5]
    assert results.line_of("X1", named) == "| X1 | 3 | 5 | 3 of 4, 1 skipped | 13.0 | 5.0 | 2.2 |"
    assert not results.is_named("e2e/test_stop.py::test_kill", "e2e/test_stop.py::test_kill_of_mpirun")
    assert results.is_named("e2e/test_stop.py", "e2e/test_stop.py::test_kill_of_mpirun")
    assert results.is_named("mpi/search@*", "mpi/search@4")
