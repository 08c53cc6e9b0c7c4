# SPDX-License-Identifier: Apache-2.0
"""The fixtures of these tests."""
from search_fixtures import gold, new_run, recorded_seconds, stopped, stopped_at_14  # noqa: F401
