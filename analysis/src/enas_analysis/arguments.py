# SPDX-License-Identifier: Apache-2.0
"""What an option's value may be: decimal numbers within bounds, and files of a kind."""
from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from .errors import AnalysisError

WHOLE = re.compile(r"[+-]?[0-9]+")
REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


class Parser(argparse.ArgumentParser):
    """Raises what is wrong with the command line, instead of ending the program with a page of usage."""

    def error(self, message: str) -> NoReturn:
        raise AnalysisError(f"{message}; {self.prog} --help has all options")


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number within bounds."""
    def parse(text: str) -> int:
        if not WHOLE.fullmatch(text) or len(text) > 40 or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f'must be a whole number from {least} to {most}, is "{text}"')
        return int(text)
    return parse


def real(least: float, most: float) -> Callable[[str], float]:
    """A number within bounds, the bounds included."""
    def parse(text: str) -> float:
        if not REAL.fullmatch(text) or not least <= float(text) <= most:
            raise argparse.ArgumentTypeError(f'must be a number from {least:g} to {most:g}, is "{text}"')
        return float(text)
    return parse


def gif(text: str) -> Path:
    """The name of a GIF."""
    path = Path(text)
    if path.suffix.lower() not in (".gif", ""):
        raise argparse.ArgumentTypeError(f'a film is a GIF: the name must end in .gif, is "{text}"')
    return path
