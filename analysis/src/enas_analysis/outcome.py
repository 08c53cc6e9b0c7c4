# SPDX-License-Identifier: Apache-2.0
"""How a command ends: an exit code and, when something is wrong, one line on stderr. Never a traceback."""
from __future__ import annotations

import io
import os
import platform
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress

from .errors import AnalysisError

ALARM, TROUBLE, OUR_MISTAKE, INTERRUPTED, READER_IS_GONE = 1, 2, 70, 130, 141


def outcome(work: Callable[[], int]) -> int:
    """Does the work of a command. Returns its exit code, or that of what went wrong (docs/analysis.md)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # no text fails because of the terminal's encoding
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: tell(str(message))
        warnings.simplefilter("always", UserWarning)
        try:
            return finished(work)
        except AnalysisError as error:
            tell(str(error))
        except BrokenPipeError:
            drop_output()
            return READER_IS_GONE
        except OSError as error:
            tell(of_system(error))
            drop_output()
        except MemoryError:
            tell("there is not enough memory for this")
        except KeyboardInterrupt:
            return INTERRUPTED
        except Exception:  # what none of the above explains is a fault of this package
            tell(f"a mistake in enas-analyze, please report it {kept_trace(traceback.format_exc())}")
            return OUR_MISTAKE
    return TROUBLE


def finished(work: Callable[[], int]) -> int:
    """Output that cannot be written is noticed here, and not by the interpreter when it ends."""
    try:
        code = work()
    except SystemExit as end:  # argparse, after it has printed the help
        code = int(end.code or 0)
    if sys.stdout is not None:
        sys.stdout.flush()
    return code


def tell(text: str) -> None:
    """One line on stderr; nothing where there is none."""
    if sys.stderr is not None:
        with suppress(OSError):
            print("enas-analyze:", " ".join(text.split()), file=sys.stderr, flush=True)


def of_system(error: OSError) -> str:
    """The file, where the error knows it, and what the system says."""
    said = error.strerror or str(error)
    return said if error.filename is None else f"{error.filename}: {said}"


def drop_output() -> None:
    """What could not be written is still in the buffer: its end is nowhere, or the interpreter would complain."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def kept_trace(trace: str) -> str:
    """Writes the trace into a file. Returns what to say of it."""
    last = trace.strip().splitlines()[-1]
    try:
        number, path = tempfile.mkstemp(".txt", "enas-analyze-")
        with open(number, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{sys.argv}\nPython {platform.python_version()} on {platform.platform()}\n{trace}")
    except OSError as error:
        return f"({last}; the trace could not be kept: {of_system(error)})"
    return f"with the file {path} ({last})"
