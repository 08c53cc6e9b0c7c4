#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the tree against the table of folders in CONTRIBUTING.md: layers.py ROOT | --self-test"""
import re
import sys
import tempfile
from pathlib import Path

# folder: the folders that it may include, and whether it may include LibTorch
BELOW = ("core", "space", "comm", "io", "data", "nn", "supernet", "child", "controller")
TABLE = {
    "core": ((), False), "space": (("core",), False), "comm": (("core",), False), "io": (("core",), False),
    "data": (("core", "io"), True),
    "nn": (("core",), True),
    **dict.fromkeys(("supernet", "child", "controller"), (("core", "space", "nn"), True)),
    "run": (("core", "comm", "io", "nn"), True),
    "task": (("core", "io", "data", "nn"), True),
    "train": (("core", "space", "comm", "io", "nn", "child", "run", "task"), True),
    "search": ((*(folder for folder in BELOW if folder != "data"), "run", "task", "train"), True),
    "bench": ((*BELOW, "run", "task", "train", "search"), True),
    "app": ((*BELOW, "run", "task", "train", "search", "bench"), False),
}
# Rooms of a folder -> the other rooms of it that they may include. Files beside the rooms are not held against this.
ROOMS = {"app": {"config": (), "machine": ("config",), "command": ("config", "machine")}}
TORCH = {folder for folder, (_, torch) in TABLE.items() if torch}
# Headers and link targets of a library -> the folders that may use it; the first match counts.
OWNERS = (
    (r"Random123/|spdlog|fmt/|nlohmann", {"core"}),
    (r"mpi\.h|nccl\.h|cuda_runtime|cuda\.h|enas_mpi|MPI::|NCCL::", {"comm"}),
    (r"hdf5(_hl)?\.h|H5\w+\.h|xxh\w+\.h|enas_hdf5|PkgConfig::xxhash|HDF5::", {"io"}),
    (r"zlib\.h|ZLIB::", {"data"}),
    (r"hwy/|libxsmm|c10/cuda/", {"nn"}),
    (r"CLI/|CLI11|toml", {"app"}),
    (r"torch/|ATen/|c10/|caffe2/|TORCH$|enas_torch", TORCH),
)
# Standard and system headers; any other header with a folder in its name needs an owner.
SYSTEM = re.compile(r"[a-z_0-9]+(\.h)?|(sys|netinet|arpa|linux)/\w+\.h")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
LINK = re.compile(r"enas::\w+|\w+::\w+|\benas_(?:mpi|hdf5|torch)\b|\bTORCH\b")
MAX_LINES = 400


def fault_of(folder, name, quoted):
    """What is wrong with `folder` using the header or link target `name`; None when nothing is."""
    first = re.split(r"/|::", name.removeprefix("enas::"))[0]
    if first in TABLE and (name.startswith("enas::") or "/" in name):
        allowed = first == folder or first in TABLE[folder][0]
        return None if allowed else f"{folder} may not use {first} ({name})"
    for pattern, owners in OWNERS:
        if re.match(pattern, name):
            return None if folder in owners else f"{name} belongs to {', '.join(sorted(owners))}"
    if quoted:
        return f'"{name}" names no folder of src'
    return None if "::" in name or SYSTEM.fullmatch(name) else f"<{name}> has no owner in the table"


def room_fault(place, name):
    """What is wrong with the file `place` of a room including the header `name`; None when nothing is."""
    _, folder, room = place.parts[:3]
    rooms, parts = ROOMS.get(folder, {}), name.split("/")
    if room not in rooms or parts[0] != folder or len(parts) < 3 or parts[1] in (room, *rooms[room]):
        return None
    return f"{folder}/{room} may not use {folder}/{parts[1]} ({name})"


def check(root):
    faults = []
    for path in sorted(p for top in ("src", "tests", "cmake", "scripts", "analysis")
                       for p in (root / top).rglob("*")):
        if not re.search(r"\.(hpp|cpp|h|cu|cuh|in|py|sh|cmake)$|CMakeLists\.txt$", path.name):
            continue
        place, text = path.relative_to(root), path.read_text(encoding="utf-8")
        if len(text.splitlines()) > MAX_LINES:
            faults.append(f"{place}: {len(text.splitlines())} lines, at most {MAX_LINES} are allowed")
        if place.parts[0] != "src" or len(place.parts) < 3:
            continue
        folder = place.parts[1]
        if folder not in TABLE:
            faults.append(f"{place}: folder {folder} is not in the table")
        elif path.name == "CMakeLists.txt":
            code = re.sub(r"#.*", "", text)
            faults += [f"{place}: {f}" for n in LINK.findall(code) if (f := fault_of(folder, n, False))]
        else:
            faults += [f"{place}: {f}" for q, n in INCLUDE.findall(text)
                       if (f := fault_of(folder, n, q == '"') or room_fault(place, n))]
    return faults


def self_test():
    good = {"src/search/a.cpp": '#include <torch/torch.h>\n#include <sys/stat.h>\n#include "comm/world.hpp"\n'
                                '// #include <mpi.h>\n#include <vector>\n#include "search/a.hpp"\n',
            "src/comm/CMakeLists.txt": "enas_library(comm LINK enas::core PRIVATE_LINK enas_mpi Threads::Threads)",
            "src/data/b.hpp": "#include <ATen/core/Tensor.h>\n", "tests/long.cpp": "\n" * MAX_LINES,
            "src/app/command/a.cpp": '#include "app/config/key.hpp"\n#include "app/command/b.hpp"\n'}
    bad = {"src/space/a.hpp": '#include "io/digest.hpp"', "src/core/a.cpp": '  #  include "app/main.hpp"',
           "src/comm/a.cpp": "#include <ATen/core/Tensor.h>", "src/search/a.cpp": "#include <mpi.h>",
           "src/app/a.cpp": "#include <torch/torch.h>", "src/nn/a.cpp": "#include <boost/any.hpp>",
           "src/nn/b.cpp": '#include "local.hpp"', "src/utils/a.hpp": "",
           "src/app/config/a.cpp": '#include "app/command/b.hpp"', "tests/a.cpp": "\n" * (MAX_LINES + 1),
           "src/io/CMakeLists.txt": "enas_library(io LINK enas::core TORCH)",
           "src/nn/CMakeLists.txt": "enas_library(nn LINK enas::space)", "src/io/b.cpp": "#include <spdlog/spdlog.h>"}
    for number, (name, text) in enumerate([*good.items(), *bad.items()]):
        with tempfile.TemporaryDirectory() as root:
            file = Path(root, name)
            file.parent.mkdir(parents=True)
            file.write_text(text, encoding="utf-8")
            expected = 0 if number < len(good) else 1
            assert len(check(Path(root))) == expected, (name, text, check(Path(root)))
    order = list(TABLE)
    assert all(order.index(b) < order.index(f) for f, (below, _) in TABLE.items() for b in below), "a cycle"


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    found = check(Path(sys.argv[1]))
    sys.exit("\n".join(found) or 0)
