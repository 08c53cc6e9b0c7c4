# SPDX-License-Identifier: Apache-2.0
"""Sealed files that tests write again after a change."""
import io

import h5py
import xxhash


def parts(folder):
    return sorted((folder / "log").glob("part-*.h5"))


def seal(image):
    digest = xxhash.xxh3_128_intdigest(image).to_bytes(16, "little")
    return image + b"enas_hpc seal 1\0" + len(image).to_bytes(8, "little") + digest + bytes(24)


def changed(path, change, target=None):
    """Rewrites a sealed file with `change(h5py.File)` done to it, with a good seal; or writes `target` so."""
    buffer = io.BytesIO(path.read_bytes()[:-64])
    with h5py.File(buffer, "r+") as file:
        change(file)
    (target or path).write_bytes(seal(buffer.getvalue()))


def change_parts(folder, change):
    for part in parts(folder):
        changed(part, change)
