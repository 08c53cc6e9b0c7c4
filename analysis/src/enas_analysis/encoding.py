# SPDX-License-Identifier: Apache-2.0
"""Names of files are bytes, but what is written about them is UTF-8."""
from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable

from .errors import AnalysisError


def visible(name: str) -> str:
    """The name with bytes that are not UTF-8 written as \\xe9."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def refuse_other_bytes(words: Iterable[str]) -> None:
    """Words of a command line must be UTF-8, as enas_hpc wants them too."""
    for word in words:
        if visible(word) != word:
            raise AnalysisError(f"'{visible(word)}' is not UTF-8; names of files and folders must be: rename it")


def print_any_name() -> None:
    """Names that were found in a folder can be printed, whatever their bytes are."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
