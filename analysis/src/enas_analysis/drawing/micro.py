# SPDX-License-Identifier: Apache-2.0
"""The sketch of a normal and a reduction cell: every node is two operations whose results are added."""
from __future__ import annotations

from ..architecture import Cell, Micro
from ..style import FILLS, plain_name
from .layers import Node, place
from .sketch import Box, Edge, Note, Sketch, above, beside, edge_through

WIDTH, HEIGHT, GAP = 0.72, 0.44, 0.08  # of an operation's box; between the two of a node
PLUS = (0.42, 0.28)
BLOCK = HEIGHT + 0.2 + PLUS[1]
END = (1.14, 0.32)
BETWEEN = 0.42  # layers
WIDEST_PAIR = 9.5


def sketch_micro(network: Micro) -> Sketch:
    """Both cells beside each other; above each other when that would be too wide for a page."""
    cells = [titled(sketch_cell(cell), title)
             for cell, title in ((network.normal, "Normal cell"), (network.reduction, "Reduction cell"))]
    return beside(cells) if sum(c.width for c in cells) + 0.5 <= WIDEST_PAIR else above(cells)


def titled(sketch: Sketch, title: str) -> Sketch:
    heading = Sketch(sketch.width, 0.2, [Note(sketch.width / 2, 0.1, title, 10, bold=True)])
    return above([heading, sketch], 0.12)


def sketch_cell(cell: Cell) -> Sketch:
    """In layers: the inputs at the top, then every node below those that it reads, the output at the bottom."""
    ranks: dict[Node, int] = {0: 0, 1: 0}
    for node, inputs in enumerate(cell.inputs, start=2):
        ranks[node] = 1 + max(ranks[i] for i in inputs)
    last = 1 + max(ranks.values())
    ranks["output"] = last
    edges: list[tuple[Node, Node]] = [(i, node) for node, pair in enumerate(cell.inputs, start=2) for i in pair]
    edges += [(node, "output") for node in cell.outputs]
    block = 2 * WIDTH + GAP
    widths: dict[Node, float] = {n: END[0] if ranks[n] in (0, last) else block for n in ranks}
    layout = place(ranks, edges, widths)

    y_of_layer = [END[1] / 2] + [END[1] + BETWEEN + BLOCK / 2 + i * (BLOCK + BETWEEN) for i in range(last)]
    y_of_layer[last] -= BLOCK / 2 - END[1] / 2
    sketch = Sketch(layout.width, y_of_layer[last] + END[1] / 2)
    swapped = sides(cell, layout.x, layout.routes)
    outputs = sorted(range(2 * len(cell.inputs), len(edges)),
                     key=lambda e: layout.routes[e][-1] if layout.routes[e] else layout.x[edges[e][0]])
    for number, (source, target) in enumerate(edges):
        start = (layout.x[source], y_of_layer[ranks[source]] + (END[1] if ranks[source] == 0 else BLOCK) / 2)
        if target == "output":
            share = (outputs.index(number) + 1) / (len(outputs) + 1) - 0.5
            end = (layout.x[target] + share * (END[0] - 0.2), y_of_layer[last] - END[1] / 2)
        else:
            side = (number % 2) ^ swapped[number // 2]
            end = (layout.x[target] + (side - 0.5) * (WIDTH + GAP), y_of_layer[ranks[target]] - BLOCK / 2)
        lanes = []
        for rank, x in enumerate(layout.routes[number], start=ranks[source] + 1):
            lanes += [(x, y_of_layer[rank] - BLOCK / 2), (x, y_of_layer[rank] + BLOCK / 2)]
        sketch.shapes.append(edge_through([start, *lanes, end]))
    for input_number, text in enumerate(("two cells back", "previous cell")):
        sketch.shapes.append(Box(layout.x[input_number], y_of_layer[0], *END, text))
    for index in range(len(cell.inputs)):
        _add_node(sketch, cell, index, layout.x[index + 2], y_of_layer[ranks[index + 2]], swapped[index])
    sketch.shapes.append(Box(layout.x["output"], y_of_layer[last], *END, "concatenation"))
    return sketch


def sides(cell: Cell, x: dict[Node, float], routes: list[list[float]]) -> list[int]:
    """1 for the nodes whose second operation is better on the left, as its input comes from there."""
    swapped = []
    for index, inputs in enumerate(cell.inputs):
        comes_from = [routes[2 * index + k][-1] if routes[2 * index + k] else x[inputs[k]] for k in (0, 1)]
        swapped.append(int(comes_from[1] < comes_from[0]))
    return swapped


def _add_node(sketch: Sketch, cell: Cell, index: int, x: float, y: float, swapped: int) -> None:
    """Two operations and the sum under them."""
    plus_y = y + BLOCK / 2 - PLUS[1] / 2
    for k, operation in enumerate(cell.operations[index]):
        at = x + ((k ^ swapped) - 0.5) * (WIDTH + GAP)
        bottom = y - BLOCK / 2 + HEIGHT
        end = (x + ((k ^ swapped) - 0.5) * 0.2, plus_y - PLUS[1] / 2)
        sketch.shapes.append(Edge(((at, bottom), (at, bottom + 0.1), (end[0], end[1] - 0.1), end), arrow=False))
        words = plain_name(operation).rsplit(" ", 1)
        sketch.shapes.append(Box(at, y - BLOCK / 2 + HEIGHT / 2, WIDTH, HEIGHT, "\n".join(words),
                                 FILLS.get(operation, FILLS["identity"])))
    sketch.shapes.append(Box(x, plus_y, *PLUS, f"{index + 2}: +", FILLS["identity"]))
