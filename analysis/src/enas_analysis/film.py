# SPDX-License-Identifier: Apache-2.0
"""The best child over time as an animated GIF."""
from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from .architecture import Macro, Network
from .drawing import MARGIN, sketch
from .drawing.sketch import Note, Sketch, paint
from .errors import AnalysisError
from .figures.cells import metric_text
from .run import Run
from .style import canvas

HEAD = 0.34


@dataclass(frozen=True)
class Frame:
    """What was best at the end of a round."""

    round: int
    step: int
    metric: float
    network: Network


def frames_of(run: Run, every_round: bool = False) -> list[Frame]:
    """A frame for each round that found something better than all before; with every_round, each round's own best."""
    frames: list[Frame] = []
    for number, children in run.validated.groupby("round", sort=True):
        metric = children["metric"]
        row = children.loc[metric.idxmax() if run.higher_is_better else metric.idxmin()]
        better = not frames or ((row["metric"] > frames[-1].metric) == run.higher_is_better
                                and row["metric"] != frames[-1].metric)
        if every_round or better:
            frames.append(Frame(int(number) + 1, int(row["step"]), float(row["metric"]),
                                run.tokens.network(row["tokens"])))
    return frames


def make_film(run: Run, path: Path, seconds: float = 1.0, every_round: bool = False, dots_per_inch: int = 100) -> int:
    """Writes the GIF; returns the number of its frames."""
    frames = frames_of(run, every_round)
    if not frames:
        raise AnalysisError(f"{run.path} has not finished a round yet: there is nothing to show")
    sketches = [sketch(frame.network) for frame in frames]
    width = max(3.6, max(s.width for s in sketches) + 2 * MARGIN)
    height = max(s.height for s in sketches) + 2 * MARGIN + HEAD
    images = []
    for frame, drawing in zip(frames, sketches, strict=True):
        title = f"round {frame.round}   {run.metric} {metric_text(run, frame.metric)}"
        # Chains stay where they are although their arcs rise differently; trees grow from the top.
        top = height - MARGIN - drawing.height if isinstance(frame.network, Macro) else MARGIN + HEAD
        images.append(as_image(one_frame(drawing, title, width, height, top), dots_per_inch))
    images[0].save(path, format="GIF", save_all=True, append_images=images[1:], loop=0,
                   duration=[round(1000 * seconds)] * (len(images) - 1) + [round(3000 * seconds)])
    return len(images)


def one_frame(drawing: Sketch, title: str, width: float, height: float, top: float) -> Figure:
    """All frames have one size."""
    figure, axes = canvas(width, height)
    paint(axes, Sketch(0, 0, [Note(width / 2, 0.2, title, 10, bold=True)]))
    paint(axes, drawing, (width - drawing.width) / 2, top)
    return figure


def as_image(figure: Figure, dots_per_inch: int) -> Image.Image:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dots_per_inch)
    image = Image.open(buffer).convert("RGB")
    return image.quantize(colors=128, dither=Image.Dither.NONE)
