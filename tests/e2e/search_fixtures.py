# SPDX-License-Identifier: Apache-2.0
"""New runs, and the uninterrupted run that others are held against; for tests/e2e and tests/fault."""
import pytest
from search_run import SECONDS_TO_STOP, Run


class Gold:
    """The uninterrupted search on two ranks. Nobody writes in its directory."""

    def __init__(self, run):
        self.run = run
        self.hash = run.finish()
        self.log = run.log()


@pytest.fixture(scope="session")
def gold(tmp_path_factory):
    return Gold(Run(tmp_path_factory.mktemp("gold") / "run"))


@pytest.fixture(scope="session")
def stopped_at_14(tmp_path_factory):
    """A run that was stopped in the middle of its second round. To be copied."""
    run = Run(tmp_path_factory.mktemp("stopped") / "run")
    result = run.search("--max-steps", 14)
    assert result.code == 0, result
    return run


@pytest.fixture(autouse=True)
def recorded_seconds(request):
    """Into the results in JUnit's format, for tests/fault/results.py."""
    SECONDS_TO_STOP.clear()
    yield
    for seconds in SECONDS_TO_STOP:
        request.node.user_properties.append(("seconds_to_stop", f"{seconds:.2f}"))


@pytest.fixture
def stopped(stopped_at_14, tmp_path):
    """A copy of that run, to do anything with."""
    return stopped_at_14.copy_to(tmp_path / "stopped")


@pytest.fixture
def new_run(tmp_path):
    """new_run({"key": value}) is a Run in an empty folder of its own."""
    made = []

    def make(keys=None):
        made.append(Run(tmp_path / f"run{len(made)}", keys))
        return made[-1]

    return make
