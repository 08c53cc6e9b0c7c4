# SPDX-License-Identifier: Apache-2.0
"""Names of files are bytes, but what is written about them is UTF-8."""
from __future__ import annotations

import os


def visible(name: str) -> str:
    """The name with bytes that are not UTF-8 written as \\xe9."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
