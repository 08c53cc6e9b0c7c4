# SPDX-License-Identifier: Apache-2.0
"""Files in places that the user names: written through pipes and links, and never over a file of somebody else's."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .errors import AnalysisError

# Stands near the beginning of every file that enas-analyze writes, but for tables.
MARK = "written by enas-analyze"
LOOKED_AT = 1 << 16


def write_files(files: Mapping[Path, bytes]) -> None:
    """Writes all of these files, or none of them. What exists is written into: modes and links stay as they are."""
    refuse_foreign(files)
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def refuse_foreign(files: Mapping[Path, bytes]) -> None:
    """Raises AnalysisError where one of these files, with its new content, would replace one that is not ours."""
    foreign = [str(path) for path, content in files.items() if path.is_file() and not is_ours(path, content)]
    if foreign:
        raise AnalysisError(f"{', '.join(foreign)}: enas-analyze did not write this and leaves it as it is; "
                            "move it away, or name another place")


def is_ours(path: Path, content: bytes) -> bool:
    """By the mark; of a table by the names of its columns."""
    with path.open("rb") as file:
        old = file.read(LOOKED_AT)
    if not old:
        return True
    return columns(old) == columns(content) if path.suffix == ".csv" else MARK.encode() in old


def columns(table: bytes) -> set[bytes]:
    """Names in the first line. Columns of an array, as option_histogram.tanh, count as one."""
    return {name.split(b".")[0].strip(b'"') for name in table.split(b"\n", 1)[0].rstrip(b"\r").split(b",")}
