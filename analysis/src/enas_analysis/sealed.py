# SPDX-License-Identifier: Apache-2.0
"""Sealed HDF5 files: an HDF5 image and a trailer of 64 bytes with its length and XXH3-128 digest."""
from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import xxhash

from .errors import CutFileError, DamagedFileError, MissingFileError, NewerFormatError

TRAILER = 64
MAGIC = b"enas_hpc seal 1\0"

# The newest version of each format that this package reads.
VERSIONS = {
    "enas_hpc log": 3,
    "enas_hpc training log": 3,
    "enas_hpc checkpoint": 3,
    "enas_hpc training checkpoint": 2,
    "enas_hpc ranking": 2,
}


def image_of(path: Path) -> bytes:
    """The HDF5 image of a sealed file, held against its digest."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise MissingFileError(f"{path} is not there") from None
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read: {error.strerror}") from None
    trailer = content[-TRAILER:]
    if len(content) <= TRAILER or not trailer.startswith(MAGIC):
        raise CutFileError(f"{path} has no seal at its end: it was cut or is no file of enas_hpc; copy it again")
    image = content[:-TRAILER]
    length = int.from_bytes(trailer[16:24], "little")
    if length != len(image):
        raise DamagedFileError(f"{path} holds {len(image)} bytes, but its seal says {length}; copy it again")
    digest = int.from_bytes(trailer[24:40], "little")
    if xxhash.xxh3_128_intdigest(image) != digest:
        raise DamagedFileError(f"{path} does not fit the digest in its seal: it was changed; copy it again")
    return image


@contextmanager
def open_sealed(path: Path, *formats: str) -> Iterator[Any]:
    """The file as h5py.File; it must have one of the formats, in a version that is known."""
    image = image_of(path)
    try:
        file = h5py.File(io.BytesIO(image), "r")
    except OSError as error:
        raise DamagedFileError(f"{path} is sealed, but is no HDF5 file: {error}") from None
    with file:
        check_format(path, file.attrs, formats)
        yield file


def check_format(path: Path, attributes: Any, formats: tuple[str, ...]) -> None:
    """Says clearly when a file is of another kind or newer than this package."""
    kind = text_of(attributes.get("format", ""))
    if kind not in formats:
        raise DamagedFileError(f'{path} has format "{kind}", but must have one of: {", ".join(formats)}')
    version, known = int(attributes.get("format_version", 0)), VERSIONS[kind]
    if version > known:
        program = text_of(attributes.get("program_version", "?"))
        raise NewerFormatError(
            f"{path} has version {version} of the format, written by enas_hpc {program}; "
            f"this package reads up to {known}: install the analysis package of that version"
        )


def text_of(value: Any) -> str:
    """HDF5 text, which h5py gives as bytes or str."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
