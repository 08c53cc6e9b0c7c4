# SPDX-License-Identifier: Apache-2.0
"""How pictures look: colours for light and dark pages and for eyes that confuse some, and files of figures."""
from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .errors import AnalysisError
from .output import MARK

# Drawn once in these colours; in a page they become variables that follow its light or dark mode.
INK, SOFT, RULE, PAPER = "#1c2128", "#5f6770", "#d5d9de", "#fefefe"
VARIABLES = {INK: "--ink", SOFT: "--soft", RULE: "--rule", PAPER: "--paper"}
DARK = {INK: "#e4e7eb", SOFT: "#a3abb5", RULE: "#3a4048", PAPER: "#14171b"}

# Okabe and Ito's colours, slightly shifted to be seen on white and on nearly black.
SERIES = ("#2b7bba", "#e08e0b", "#0f9d76", "#c1549c", "#d55e00", "#56b4e9", "#8a8f98", "#8c6d31")
# Fills of boxes, light enough for dark text.
FILLS = {
    "tanh": "#8fc3ea", "relu": "#f2bd63", "identity": "#cdd2d8", "sigmoid": "#e0a9cd",
    "conv_3x3": "#8fc3ea", "conv_5x5": "#5f9fd6", "sep_conv_3x3": "#93d9bf", "sep_conv_5x5": "#4fb893",
    "avg_pool_3x3": "#f7d08a", "max_pool_3x3": "#eba35c",
}
BOX_INK = "#15191e"
MOST_DOTS = 2**16  # along a side of a PNG
HEAT = "cividis"

RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans", "font.size": 9, "axes.titlesize": 10, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.labelsize": 9, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "legend.fontsize": 8, "legend.frameon": False, "axes.spines.top": False, "axes.spines.right": False,
    "axes.edgecolor": SOFT, "axes.labelcolor": INK, "text.color": INK, "xtick.color": SOFT, "ytick.color": SOFT,
    "xtick.labelcolor": INK, "ytick.labelcolor": INK, "axes.grid": True, "axes.axisbelow": True,
    "grid.color": RULE, "grid.linewidth": 0.6, "lines.linewidth": 1.5, "figure.facecolor": PAPER,
    "axes.facecolor": "none", "savefig.facecolor": PAPER, "svg.fonttype": "path", "axes.unicode_minus": True,
    "path.simplify": True, "axes.formatter.useoffset": False,
}


@dataclass
class Picture:
    """A figure with the name of its files and what is to be said under it."""

    name: str
    title: str
    caption: str
    figure: Figure


P = ParamSpec("P")
R = TypeVar("R")


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Runs a function under the style, and leaves the settings of a notebook as they were."""

    @wraps(function)
    def run(*arguments: P.args, **keywords: P.kwargs) -> R:
        with matplotlib.rc_context(RC):
            return function(*arguments, **keywords)

    return run


@styled
def figure(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, list[Axes]]:
    """A new figure in inches, with its axes in reading order."""
    made = Figure(figsize=(width, height), layout="constrained")
    axes = made.subplots(rows, columns, squeeze=False, **options)
    return made, list(axes.flat)


@styled
def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure without any axes to be seen, for drawings; one unit is one inch, y points down."""
    made = Figure(figsize=(width, height))
    axes = made.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    return made, axes


def colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each name, always the same for functions and operations."""
    return {name: FILLS.get(name, SERIES[i % len(SERIES)]) for i, name in enumerate(names)}


def plain_name(option: str) -> str:
    """sep_conv_3x3 as people write it: sep conv 3×3."""
    return re.sub(r"(\d)x(\d)", r"\1×\2", option).replace("_", " ")


def svg_of(picture: Figure, salt: str = "enas") -> str:
    """The figure as an <svg> element of its own; equal figures give equal bytes."""
    with matplotlib.rc_context({**RC, "svg.hashsalt": salt}):
        text = io.StringIO()
        picture.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        picture.set_layout_engine("none")  # what was laid out once stays where it is
    return text.getvalue()[text.getvalue().index("<svg"):]


def for_page(svg: str, salt: str, label: str, width: float) -> str:
    """An <svg> element for a page: as wide as there is room, colours as variables, an accessible name."""
    for colour, variable in VARIABLES.items():
        svg = re.sub(colour, f"var({variable})", svg, flags=re.IGNORECASE)
    # The page's own background shows through.
    svg = re.sub(r'(<g id="patch_1">\s*<path[^>]*style=")[^"]*"', r'\1fill: none"', svg, count=1)
    # Ids of clips and glyphs must not meet those of other pictures in the page.
    svg = re.sub(r'(\bid="|"#|url\(#)', rf"\g<1>{salt}-", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    head, rest = svg[len("<svg"):].split(">", 1)
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    return (f'<svg{head} role="img" aria-label="{label}" style="width:100%;max-width:{width * 1.15:.2f}in">{rest}')


def svg_file(svg: str) -> bytes:
    """A file of an <svg> element."""
    return f'<?xml version="1.0" encoding="utf-8"?>\n<!-- {MARK} -->\n{svg}'.encode()


def png_file(picture: Figure, dots_per_inch: int = 200) -> bytes:
    """A file of a figure. Throws AnalysisError when it would have more dots than fit."""
    if dots_per_inch > (most := most_dots_per_inch(picture)):
        raise AnalysisError(f"the picture would be {max(picture.get_size_inches()):.0f} inches long and have too many "
                            f"dots: at most {most} dots an inch are possible, not {dots_per_inch}")
    buffer = io.BytesIO()
    with matplotlib.rc_context(RC):
        picture.savefig(buffer, format="png", dpi=dots_per_inch, metadata={"Software": MARK})
    return buffer.getvalue()


def most_dots_per_inch(picture: Figure) -> int:
    return int((MOST_DOTS - 1) / max(picture.get_size_inches()))


def both_names(stem: Path) -> tuple[Path, Path]:
    """stem.svg and stem.png."""
    return stem.with_name(f"{stem.name}.svg"), stem.with_name(f"{stem.name}.png")


def both_files(picture: Figure, stem: Path, dots_per_inch: int = 200) -> dict[Path, bytes]:
    """The contents of stem.svg and stem.png."""
    svg, png = both_names(stem)
    return {svg: svg_file(svg_of(picture, stem.name)), png: png_file(picture, dots_per_inch)}
