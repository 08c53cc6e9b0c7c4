# SPDX-License-Identifier: Apache-2.0
"""Drawings of architectures with matplotlib alone."""
from __future__ import annotations

from matplotlib.figure import Figure

from ..architecture import Macro, Network, Recurrent
from ..style import canvas
from .macro import sketch_macro
from .micro import sketch_micro
from .recurrent import sketch_recurrent
from .sketch import Note, Sketch, paint

MARGIN = 0.12


def sketch(network: Network) -> Sketch:
    """Of the three spaces."""
    if isinstance(network, Recurrent):
        return sketch_recurrent(network)
    return sketch_macro(network) if isinstance(network, Macro) else sketch_micro(network)


def draw(network: Network, title: str = "") -> Figure:
    """A figure as large as the drawing."""
    drawing = sketch(network)
    head = 0.3 if title else 0.0
    figure, axes = canvas(drawing.width + 2 * MARGIN, drawing.height + 2 * MARGIN + head)
    paint(axes, drawing, MARGIN, MARGIN + head)
    if title:
        middle = drawing.width / 2 + MARGIN
        paint(axes, Sketch(0, 0, [Note(middle, MARGIN + 0.08, title, 10, bold=True)]))
    return figure


def draw_grid(networks: list[Network], titles: list[str], width: float = 9.5) -> Figure:
    """Several drawings at one scale, in as many columns as fit legibly."""
    drawings = [sketch(network) for network in networks]
    widest = max(d.width for d in drawings)
    columns = max(1, min(len(drawings), int(width // (0.62 * widest + 0.3))))
    scale = min(1.0, (width / columns - 0.3) / widest)
    cell_width, head, foot = width / columns, 0.3, 0.25
    rows = [drawings[i:i + columns] for i in range(0, len(drawings), columns)]
    heights = [scale * max(d.height for d in row) for row in rows]
    figure, axes = canvas(width, sum(heights) + len(rows) * (head + foot))
    top, names = 0.0, iter(titles)
    for row, height in zip(rows, heights, strict=True):
        for column, drawing in enumerate(row):
            left = column * cell_width
            paint(axes, Sketch(0, 0, [Note(left + cell_width / 2, top + 0.16, next(names), 9, bold=True)]))
            paint(axes, drawing, left + (cell_width - scale * drawing.width) / 2, top + head, scale)
        top += height + head + foot
    return figure
