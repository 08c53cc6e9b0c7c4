# SPDX-License-Identifier: Apache-2.0
"""Sketches: boxes and edges with their places in inches, y pointing down, and how they are painted."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as Curve

from ..style import BOX_INK, INK, PAPER, SOFT, styled

Point = tuple[float, float]
FONT = 8.5  # points at scale 1


@dataclass(frozen=True)
class Box:
    """A box with text around its centre. Without a fill it is one end of the network."""

    x: float
    y: float
    width: float
    height: float
    text: str
    fill: str = ""


@dataclass(frozen=True)
class Edge:
    """A smooth line through cubic pieces: a start, then two controls and an end for each piece."""

    points: tuple[Point, ...]
    colour: str = SOFT
    arrow: bool = True


@dataclass(frozen=True)
class Note:
    """Text without a box."""

    x: float
    y: float
    text: str
    size: float = FONT
    bold: bool = False
    colour: str = INK


@dataclass
class Sketch:
    """A drawing of its own size in inches."""

    width: float
    height: float
    shapes: list[Box | Edge | Note] = field(default_factory=list)


def bend(start: Point, end: Point) -> tuple[Point, Point, Point]:
    """A piece that leaves and arrives vertically."""
    middle = (start[1] + end[1]) / 2
    return (start[0], middle), (end[0], middle), end


def edge_through(points: Iterable[Point]) -> Edge:
    """Vertical at every point, smooth between them."""
    places = list(points)
    path = [places[0]]
    for start, end in pairwise(places):
        path += bend(start, end)
    return Edge(tuple(path))


def beside(sketches: list[Sketch], gap: float = 0.5) -> Sketch:
    """One sketch of several, from left to right, with their tops in line."""
    whole, at = Sketch(0, max(s.height for s in sketches)), 0.0
    for sketch in sketches:
        whole.shapes += moved(sketch, at, 0).shapes
        at += sketch.width + gap
    whole.width = at - gap
    return whole


def above(sketches: list[Sketch], gap: float = 0.3) -> Sketch:
    """One sketch of several, from top to bottom, in the middle."""
    whole, at = Sketch(max(s.width for s in sketches), 0), 0.0
    for sketch in sketches:
        whole.shapes += moved(sketch, (whole.width - sketch.width) / 2, at).shapes
        at += sketch.height + gap
    whole.height = at - gap
    return whole


def moved(sketch: Sketch, x: float, y: float) -> Sketch:
    """The same at another place."""
    result = Sketch(sketch.width, sketch.height)
    for shape in sketch.shapes:
        if isinstance(shape, Box):
            result.shapes.append(Box(shape.x + x, shape.y + y, shape.width, shape.height, shape.text, shape.fill))
        elif isinstance(shape, Note):
            result.shapes.append(Note(shape.x + x, shape.y + y, shape.text, shape.size, shape.bold, shape.colour))
        else:
            points = tuple((px + x, py + y) for px, py in shape.points)
            result.shapes.append(Edge(points, shape.colour, shape.arrow))
    return result


@styled
def paint(axes: Axes, sketch: Sketch, x: float = 0, y: float = 0, scale: float = 1) -> None:
    """Puts a sketch on a canvas: edges below, boxes over them."""
    def place(point: Point) -> Point:
        return x + scale * point[0], y + scale * point[1]

    for shape in sketch.shapes:
        if isinstance(shape, Edge):
            codes = [Curve.MOVETO] + [Curve.CURVE4] * (len(shape.points) - 1)
            axes.add_patch(FancyArrowPatch(
                path=Curve([place(p) for p in shape.points], codes),
                arrowstyle="-|>,head_length=0.45,head_width=0.22" if shape.arrow else "-",
                mutation_scale=9 * scale, linewidth=1.1 * scale,
                edgecolor=shape.colour, facecolor=shape.colour if shape.arrow else "none", zorder=1,
                shrinkA=0, shrinkB=0, joinstyle="miter", capstyle="butt"))
        elif isinstance(shape, Note):
            axes.text(*place((shape.x, shape.y)), shape.text, ha="center", va="center", zorder=4,
                      fontsize=shape.size * scale, color=shape.colour, weight="bold" if shape.bold else "normal")
        else:
            paint_box(axes, shape, place((shape.x, shape.y)), scale)


def paint_box(axes: Axes, box: Box, centre: Point, scale: float) -> None:
    """Round at the ends of the network, nearly square elsewhere."""
    width, height = box.width * scale, box.height * scale
    rounding = height / 2 if not box.fill else 0.06 * scale
    axes.add_patch(FancyBboxPatch(
        (centre[0] - width / 2, centre[1] - height / 2), width, height,
        boxstyle=f"round,pad=0,rounding_size={rounding}", linewidth=0.9 * scale, zorder=2,
        facecolor=box.fill or PAPER, edgecolor=SOFT if not box.fill else BOX_INK))
    axes.text(*centre, box.text, ha="center", va="center_baseline" if "\n" not in box.text else "center",
              fontsize=FONT * scale, linespacing=1.15, zorder=3, color=BOX_INK if box.fill else INK)
