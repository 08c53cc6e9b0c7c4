# SPDX-License-Identifier: Apache-2.0
"""The sketch of a macro network: a chain from left to right, skips as arcs over it."""
from __future__ import annotations

from ..architecture import Macro
from ..style import FILLS, SERIES, SOFT, plain_name
from .sketch import FONT, Box, Edge, Note, Sketch

SIZE, STEP, END = 0.62, 0.86, (0.66, 0.32)


def sketch_macro(network: Macro) -> Sketch:
    """Farther arcs enclose nearer ones, so that arcs of the same layer never cross each other."""
    count = len(network.operations)
    x = [END[0] / 2 + 0.86 + STEP * i - STEP / 2 + SIZE / 2 for i in range(count)]
    longest = max((i - s for i, skips in enumerate(network.skips) for s in skips), default=0)
    top = rise(longest) + 0.12 if longest else 0.08
    y = top + SIZE / 2
    sketch = Sketch(x[-1] + SIZE / 2 + 0.26 + END[0], y + SIZE / 2 + 0.24)
    stem, classes = END[0] / 2, sketch.width - END[0] / 2

    readers: dict[int, list[int]] = {}
    for layer, skips in enumerate(network.skips):
        for source in skips:
            readers.setdefault(source, []).append(layer)
    for source, layers in sorted(readers.items()):
        at, width = (stem, END[0]) if source < 0 else (x[source], SIZE)
        top_of_source = y - (END[1] if source < 0 else SIZE) / 2
        for place, layer in enumerate(sorted(layers, reverse=True)):
            # Going out on the right half, the farthest first; coming in on the left half, the farthest last.
            start = at + width * (0.06 + 0.36 * (place + 0.5) / len(layers))
            sources = sorted(network.skips[layer], reverse=True)
            end = x[layer] - SIZE * (0.42 - 0.36 * (sources.index(source) + 0.5) / len(sources))
            height = top - (rise(layer - source) + 0.0)
            control = top_of_source - (top_of_source - height) * 4 / 3
            sketch.shapes.append(Edge(((start, top_of_source), (start, control), (end, control), (end, y - SIZE / 2)),
                                      SERIES[(source + 1) % len(SERIES)]))
    right_of = [stem + END[0] / 2] + [c + SIZE / 2 for c in x]
    left_of = [c - SIZE / 2 for c in x] + [classes - END[0] / 2]
    for begin, end in zip(right_of, left_of, strict=True):
        sketch.shapes.append(Edge(((begin, y), (begin, y), (end, y), (end, y)), SOFT))
    sketch.shapes.append(Box(stem, y, *END, "stem"))
    for i, operation in enumerate(network.operations):
        sketch.shapes.append(Box(x[i], y, SIZE, SIZE, plain_name(operation).replace(" ", "\n"),
                                 FILLS.get(operation, FILLS["identity"])))
        sketch.shapes.append(Note(x[i], y + SIZE / 2 + 0.13, str(i), FONT - 1, colour=SOFT))
    sketch.shapes.append(Box(classes, y, *END, "classes"))
    return sketch


def rise(distance: int) -> float:
    """How high an arc goes over the boxes, in inches: ever less more for longer ones."""
    return float(0.16 + 0.3 * max(0, distance - 1) ** 0.8)
