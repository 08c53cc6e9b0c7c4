# SPDX-License-Identifier: Apache-2.0
"""The fixtures of these tests, and the marks of everyday and long ones."""
from search_fixtures import gold, new_run, recorded_seconds, stopped, stopped_at_14  # noqa: F401


def pytest_configure(config):
    config.addinivalue_line("markers", "everyday: in every run of the suite")
    config.addinivalue_line("markers", "long: a minute or more; on request")
