# SPDX-License-Identifier: Apache-2.0
"""The sketch of a recurrent cell: a tree that grows downwards, its outputs averaged at the bottom."""
from __future__ import annotations

from ..architecture import Recurrent
from ..style import FILLS
from .sketch import Box, Sketch, edge_through

WIDTH, HEIGHT, ROW, COLUMN = 0.98, 0.34, 0.56, 1.12
END = (0.72, 0.32)


def sketch_recurrent(cell: Recurrent) -> Sketch:
    """Every output has a column of its own below it, so no edge passes under a box."""
    children: dict[int, list[int]] = {}
    depth = [0] * len(cell.functions)
    for node, previous in enumerate(cell.previous):
        if previous is not None:
            children.setdefault(previous, []).append(node)
            depth[node] = depth[previous] + 1
    columns = _Columns(children, set(cell.outputs))
    shift = max(0.0, 0.86 - columns.x[0] * COLUMN - WIDTH / 2)  # room for both ends over node 0
    x = {node: column * COLUMN + WIDTH / 2 + shift for node, column in columns.x.items()}
    drop = {node: column * COLUMN + WIDTH / 2 + shift for node, column in columns.drop.items()}
    width = max(max(x.values()) + WIDTH / 2, x[0] + 0.86, *(d + 0.1 for d in drop.values()))
    sketch = Sketch(width, 0)
    top = END[1] / 2
    y = [top + (level + 1) * ROW + 0.06 for level in depth]

    for text, offset in (("x[t]", -0.45), ("h[t−1]", 0.45)):
        sketch.shapes.append(edge_through([(x[0] + offset, top + END[1] / 2), (x[0] + offset / 2, y[0] - HEIGHT / 2)]))
        sketch.shapes.append(Box(x[0] + offset, top, *END, text))
    for node, previous in enumerate(cell.previous):
        if previous is not None:
            start = (x[previous], y[previous] + HEIGHT / 2)
            sketch.shapes.append(edge_through([start, (x[node], y[node] - HEIGHT / 2)]))
        sketch.shapes.append(Box(x[node], y[node], WIDTH, HEIGHT, f"{node}  {cell.functions[node]}",
                                 FILLS.get(cell.functions[node], FILLS["identity"])))
    _add_outputs(sketch, cell, x, y, drop)
    return sketch


def _add_outputs(sketch: Sketch, cell: Recurrent, x: dict[int, float], y: list[float], drop: dict[int, float]) -> None:
    """The mean of the outputs, or the only one as it is."""
    floor = max(y) + HEIGHT / 2 + 0.1
    several = len(cell.outputs) > 1
    centre = sum(drop.values()) / len(drop)
    mean_y = floor + 0.5
    last_y = mean_y + (ROW if several else 0)
    spread = min(0.5, 0.11 * len(cell.outputs))
    mean_width = max(END[0], 2 * spread + 0.4)  # every arrow ends on the box
    for node in cell.outputs:
        start = (x[node], y[node] + HEIGHT / 2)
        # A node that is read and put out as well: first aside into its free column.
        points = [start] if drop[node] == x[node] else [start, (drop[node], y[node] + ROW - HEIGHT / 2)]
        target = (mean_y if several else last_y) - END[1] / 2
        share = (drop[node] - centre) / max(1e-9, max(abs(d - centre) for d in drop.values()))
        sketch.shapes.append(edge_through([*points, (drop[node], floor), (centre + spread * share, target)]))
    if several:
        sketch.shapes.append(edge_through([(centre, mean_y + END[1] / 2), (centre, last_y - END[1] / 2)]))
        sketch.shapes.append(Box(centre, mean_y, mean_width, END[1], "mean"))
    sketch.shapes.append(Box(centre, last_y, *END, "h[t]"))
    sketch.height = last_y + END[1] / 2


class _Columns:
    """Columns of a tree: leaves side by side, parents over the middle of their children."""

    def __init__(self, children: dict[int, list[int]], outputs: set[int]) -> None:
        self.x: dict[int, float] = {}
        self.drop: dict[int, float] = {}  # the free column under an output
        column = 0.0
        for node in children_first(children):
            below = children.get(node, [])
            if below:
                self.x[node] = (self.x[below[0]] + self.x[below[-1]]) / 2
            else:
                self.x[node] = column
                column += 1
            if node in outputs:
                self.drop[node] = self.x[node] if not below else column - 0.36
                column += 0.28 if below else 0


def children_first(children: dict[int, list[int]]) -> list[int]:
    """The nodes of the tree under node 0, each after its children, which are in order from left to right."""
    found, waiting = [], [0]
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += children.get(node, [])
    return found[::-1]
