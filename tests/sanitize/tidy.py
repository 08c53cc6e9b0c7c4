#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the sources of folders against .clang-tidy: tidy.py CLANG_TIDY BUILD [FOLDER...]

Without folders, those that the preset `checks` builds. A file that passed is not checked again while it, the
headers that it includes, its compile command, .clang-tidy and the version of clang-tidy stay the same: a stamp
named by their digest is kept in $XDG_CACHE_HOME/enas_hpc/tidy (or ~/.cache/enas_hpc/tidy).
"""

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "enas_hpc" / "tidy"
# The compile command starts with programs that launch the compiler.
COMPILER = re.compile(r"(clang\+\+|g\+\+|c\+\+)(-[0-9.]+)?")
# What clang-tidy adds to a compile command, which may be that of another compiler.
EXTRA = ["-include", str(ROOT / "cmake" / "source_location.hpp")]


def sources(build: Path, folders: list[str]) -> list[dict[str, str]]:
    """The compile commands of all files of the folders, one a file."""
    pattern = re.compile(rf"/src/({'|'.join(folders)})/")
    entries = json.loads((build / "compile_commands.json").read_text())
    chosen = {e["file"]: e for e in entries if pattern.search(e["file"]) and "/generated/" not in e["file"]}
    return [chosen[name] for name in sorted(chosen)]


def stamp(entry: dict[str, str], tool: bytes) -> Path | None:
    """Where it stands that this very text passed; None if it cannot be preprocessed."""
    command = shlex.split(entry["command"])
    command = command[next(i for i, word in enumerate(command) if COMPILER.fullmatch(Path(word).name)) :]
    output = command.index("-o")
    command = command[:output] + command[output + 2 :]
    # -C keeps the comments, since NOLINT is one.
    text = subprocess.run([*command, *EXTRA, "-E", "-C"], cwd=entry["directory"], capture_output=True, check=False)
    if text.returncode:
        return None
    key = hashlib.sha256(tool)
    for part in (" ".join(command).encode(), text.stdout):
        key.update(part.replace(bytes(ROOT), b""))
    return CACHE / key.hexdigest()


def check(entry: dict[str, str], tidy: str, build: Path, tool: bytes) -> str:
    """'kept', 'passed', or what clang-tidy says."""
    place = stamp(entry, tool)
    if place and place.exists():
        return "kept"
    command = [tidy, "-p", str(build), "--quiet", "--warnings-as-errors=*"]
    command += ["--extra-arg=" + "".join(EXTRA), entry["file"]]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        return result.stdout + result.stderr
    if place:
        place.touch()
    return "passed"


def main() -> int:
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    tidy, build = sys.argv[1], Path(sys.argv[2])
    files = sources(build, sys.argv[3:] or ["core", "space", "io", "app"])
    if not files:
        sys.exit(f"tidy.py: no sources of these folders in {build}")
    CACHE.mkdir(parents=True, exist_ok=True)
    version = subprocess.run([tidy, "--version"], capture_output=True, check=True).stdout
    tool = version + (ROOT / ".clang-tidy").read_bytes()
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda entry: check(entry, tidy, build, tool), files))
    complaints = [result for result in results if result not in ("kept", "passed")]
    print("\n".join(complaints))
    print(f"clang-tidy: {len(files)} files, {results.count('kept')} of them unchanged, {len(complaints)} with findings")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
