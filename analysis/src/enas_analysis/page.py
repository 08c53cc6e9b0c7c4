# SPDX-License-Identifier: Apache-2.0
"""One HTML page with everything in it: text, tables, pictures; light and dark, no network."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from .output import MARK, write_files
from .style import DARK, VARIABLES, Picture, for_page, most_dots_per_inch, png_file, svg_file, svg_of

CSS = """
:root { color-scheme: light dark; %(light)s }
@media (prefers-color-scheme: dark) { :root { %(dark)s } }
body { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif;
  max-width: 66rem; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; margin-bottom: 0.2rem; } h2 { font-size: 1.25rem; margin-top: 2.4rem; }
h3 { font-size: 1.05rem; }
p.lead, figcaption { color: var(--soft); } figcaption { font-size: 0.9rem; max-width: 54rem; }
figure { margin: 0.4rem 0 1.6rem; } svg { height: auto; display: block; }
table { border-collapse: collapse; margin: 0.8rem 0; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.25rem 1.2rem 0.25rem 0; border-bottom: 1px solid var(--rule);
  vertical-align: top; }
th { font-weight: 600; } pre { font-size: 0.82rem; overflow-x: auto; border: 1px solid var(--rule); padding: 0.8rem; }
summary { cursor: pointer; font-weight: 600; margin: 0.6rem 0; } .scroll { overflow-x: auto; }
"""


class Page:
    """Collects parts in order; `write` makes the file, and the pictures' own files beside it."""

    def __init__(self, title: str, lead: str) -> None:
        self.title = title
        self.parts = [f"<h1>{escape(title)}</h1>", f'<p class="lead">{escape(lead)}</p>']
        self.pictures: list[tuple[str, str, Picture]] = []  # name, SVG, picture

    def heading(self, text: str, level: int = 2) -> None:
        self.parts.append(f"<h{level}>{escape(text)}</h{level}>")

    def text(self, text: str) -> None:
        self.parts.append(f"<p>{escape(text)}</p>")

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        cells = "".join(f"<th>{escape(name)}</th>" for name in head)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        top = f"<thead><tr>{cells}</tr></thead>" if any(head) else ""
        self.parts.append(f'<div class="scroll"><table>{top}<tbody>{body}</tbody></table></div>')

    def picture(self, picture: Picture | None, prefix: str = "", level: int = 2) -> None:
        """Nothing for a picture that there is nothing for."""
        if picture is None:
            return
        name = f"{prefix}{picture.name}"
        svg = svg_of(picture.figure, name)
        self.pictures.append((name, svg, picture))
        self.heading(picture.title, level)
        label = escape(f"{picture.title}. {picture.caption}", quote=True)
        shown = for_page(svg, name, label, picture.figure.get_figwidth())
        self.parts.append(f"<figure>{shown}<figcaption>{escape(picture.caption)}</figcaption></figure>")

    def fold(self, title: str, text: str) -> None:
        self.parts.append(f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>")

    def begin_fold(self, title: str) -> None:
        self.parts.append(f"<details><summary>{escape(title)}</summary>")

    def end_fold(self) -> None:
        self.parts.append("</details>")

    def html(self) -> str:
        def variables(colours: Iterable[tuple[str, str]]) -> str:
            return " ".join(f"{VARIABLES[light]}: {colour};" for light, colour in colours)

        css = CSS % {"light": variables((c, c) for c in VARIABLES), "dark": variables(DARK.items())}
        return ("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                '<meta name="viewport" content="width=device-width, initial-scale=1">'
                f'<meta name="generator" content="{MARK}">'
                f"<title>{escape(self.title)}</title><style>{css}</style></head><body>\n"
                + "\n".join(self.parts) + "\n</body></html>\n")

    def write(self, folder: Path) -> Path:
        """report.html, and figures/NAME.svg and .png."""
        figures = folder / "figures"
        path = folder / "report.html"
        files = {path: self.html().encode("utf-8", "backslashreplace")}  # paths need not be UTF-8
        for name, svg, picture in self.pictures:
            files[figures / f"{name}.svg"] = svg_file(svg)
            dots_per_inch = min(200, most_dots_per_inch(picture.figure))
            files[figures / f"{name}.png"] = png_file(picture.figure, dots_per_inch)
        write_files(files)
        return path
