# SPDX-License-Identifier: Apache-2.0
"""Tables of cells that were all trained alone, which `space.table` names."""
from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from .architecture import Network, TokenReader
from .errors import DamagedFileError, MissingFileError
from .sealed import text_of

FORMAT = "enas_hpc table"


def read_cell_table(path: Path) -> dict[Network, float]:
    """Validation perplexity of each cell: exp of its mean loss over trainings."""
    if not path.is_file():
        raise MissingFileError(f"{path} is no file: a table of cells is wanted")
    try:
        with h5py.File(path, "r") as file:
            if (found := text_of(file.attrs["format"])) != FORMAT:
                raise DamagedFileError(f"{path} is no table of cells: its format is {found!r}")
            options = [text_of(name) for name in file["options"][:]]
            tokens, loss = file["tokens"][:], file["loss"][:]
    except (OSError, KeyError) as error:
        raise DamagedFileError(f"{path} cannot be read as a table of cells: {error}") from None
    reader = TokenReader(decisions_of(tokens.shape[1]), options)
    return {reader.network(row): float(perplexity)
            for row, perplexity in zip(tokens, np.exp(loss.mean(axis=1)), strict=True)}


def decisions_of(num_tokens: int) -> list[str]:
    """Of a recurrent space: 2 N - 1 tokens for N nodes, or 2 N - 2 where the first function is fixed."""
    decisions = ["node 0 function"] if num_tokens % 2 else []
    for node in range(1, num_tokens // 2 + 1):
        decisions += [f"node {node} previous", f"node {node} function"]
    return decisions
