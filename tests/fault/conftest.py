# SPDX-License-Identifier: Apache-2.0
"""Everyday and long tests; the helpers are those of tests/e2e."""
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE), str(HERE.parents[1] / "analysis" / "src")]

from search_fixtures import gold, new_run, recorded_seconds, stopped, stopped_at_14  # noqa: E402, F401


def pytest_configure(config):
    config.addinivalue_line("markers", "everyday: every test that is not long gets this mark")
    config.addinivalue_line("markers", "long: minutes to hours; see README.md")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("long") is None:
            item.add_marker("everyday")
