# SPDX-License-Identifier: Apache-2.0
"""enas-analyze: the command line."""
from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from . import collapse, comparison, correlation, export, film, tail, validation
from .architecture import read_architecture
from .drawing import draw
from .encoding import print_any_name, refuse_other_bytes
from .errors import AnalysisError
from .figures.correlation import scatter
from .report import make_report
from .run import Run
from .style import save

ALARM, TROUBLE = 1, 2


def report(arguments: argparse.Namespace) -> int:
    runs = [Run(path) for path in arguments.runs]
    print(make_report(runs, arguments.out, arguments.top, arguments.brief))
    return 0


def draw_files(arguments: argparse.Namespace) -> int:
    stems = [path.stem for path in arguments.files]
    for path in arguments.files:
        architecture = read_architecture(path)
        figure = draw(architecture.network, architecture.name if arguments.title else "")
        # best.json of several runs: the folder tells them apart.
        stem = path.stem if stems.count(path.stem) == 1 else f"{path.resolve().parent.name}-{path.stem}"
        arguments.out.mkdir(parents=True, exist_ok=True)
        for ending in (".svg", ".png"):
            file = arguments.out / f"{stem}{ending}"
            save(figure, file, arguments.dpi)
            print(file)
    return 0


def make_film(arguments: argparse.Namespace) -> int:
    frames = film.make_film(Run(arguments.run), arguments.out, arguments.seconds, arguments.every_round)
    print(f"{arguments.out}: {frames} frames")
    return 0


def correlate(arguments: argparse.Namespace) -> int:
    pairs = correlation.read_pairs(arguments.ranking, arguments.trainings)
    verdict = correlation.judge(pairs, arguments.round, arguments.seed)
    for sentence in correlation.in_sentences(pairs, verdict):
        print(sentence)
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        pairs.rows.to_csv(arguments.out / "correlation.csv", index=False)
        picture = scatter(pairs, verdict)
        for ending in ("svg", "png"):
            save(picture.figure, arguments.out / f"correlation.{ending}")
        print(arguments.out / "correlation.svg")
    return 0


def compare(arguments: argparse.Namespace) -> int:
    a, b = Run(arguments.a), Run(arguments.b)
    found = comparison.compare(a, b)
    print("\n".join(comparison.in_lines(a, b, found)))
    return 0 if found.same_log else ALARM


def validate(arguments: argparse.Namespace) -> int:
    files = bad = 0
    for path, problem in validation.problems(arguments.run):
        files += 1
        if problem:
            bad += 1
            print(f"{path}: {problem}")
    print(f"{files} files looked at, {bad} problems")
    return ALARM if bad else 0


def follow(arguments: argparse.Namespace) -> int:
    for line in tail.follow(arguments.run, arguments.last, arguments.interval, arguments.once):
        print(line, flush=True)
    return 0


def export_run(arguments: argparse.Namespace) -> int:
    run = Run(arguments.run)
    if arguments.csv:
        print("\n".join(map(str, export.to_csv(run, arguments.csv))))
    if arguments.tensorboard:
        print(export.to_tensorboard(run, arguments.tensorboard))
    return 0


def collapsed(arguments: argparse.Namespace) -> int:
    verdict = collapse.verdict(Run(arguments.run), arguments.share, arguments.entropy, arguments.distinct)
    print(verdict.sentence)
    return ALARM if verdict.collapsed else 0


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="enas-analyze", description="Pictures and verdicts from run directories of "
                                    "enas_hpc. Nothing in a run directory is ever changed, and a run may be going on.")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: object, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text,
                                   formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        made.set_defaults(run_command=run)
        return made

    one = add("report", report, "One self-contained HTML page about searches and trainings, and its figures as files. "
              "Several searches are compared: seeds of a strategy together, strategies on equal axes.")
    one.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    one.add_argument("--out", type=Path, default=Path("report"), help="folder of report.html and figures/")
    one.add_argument("--top", type=int, default=6, help="how many of the best architectures are drawn")
    one.add_argument("--brief", action="store_true", help="of several runs only what they have in common")

    one = add("draw", draw_files, "Draws architecture files or best.json of runs as SVG and PNG.")
    one.add_argument("files", nargs="+", type=Path, metavar="FILE")
    one.add_argument("--out", type=Path, default=Path("."), help="folder of the pictures")
    one.add_argument("--dpi", type=int, default=300, help="resolution of the PNG")
    one.add_argument("--title", action="store_true", help="with the architecture's name over it")

    one = add("film", make_film, "The best child over time as an animated GIF.")
    one.add_argument("run", type=Path, metavar="RUN")
    one.add_argument("--out", type=Path, default=Path("film.gif"), help="the GIF")
    one.add_argument("--seconds", type=float, default=1.0, help="of a frame")
    one.add_argument("--every-round", action="store_true", help="the best of each round, not only improvements")

    one = add("correlate", correlate, "Shared-weight scores against scores of the same architectures trained alone: "
              "Kendall's tau-b with a permutation p value and a bootstrap interval, and the scatter.")
    one.add_argument("ranking", type=Path, metavar="RANKING", help="ranking.h5, or a run that was derived from")
    one.add_argument("trainings", nargs="+", type=Path, metavar="TRAINING",
                     help="run directory of a training, a folder that holds some, or a table (docs/tabular.md)")
    one.add_argument("--round", type=float, help="for the sparse tau; default: 0.001 for accuracy, 1 for perplexity")
    one.add_argument("--seed", type=int, default=0, help="of permutations and resamples")
    one.add_argument("--out", type=Path, help="folder of the scatter and of correlation.csv")

    one = add("compare", compare, "Two runs: configuration, results and the first rows in which their logs differ, "
              "clocks left out. Exit code 0 when the logs are the same, 1 when they differ.")
    one.add_argument("a", type=Path, metavar="A")
    one.add_argument("b", type=Path, metavar="B")

    one = add("validate", validate, "Holds every file of a run against the documented formats: seals, digests, "
              "columns, order. Exit code 1 when something is wrong.")
    one.add_argument("run", type=Path, metavar="RUN")

    one = add("tail", follow, "Follows a run until it ends: its last rounds or epochs, and each new one.")
    one.add_argument("run", type=Path, metavar="RUN")
    one.add_argument("--last", type=int, default=5, help="how many finished rounds are shown first")
    one.add_argument("--interval", type=float, default=2.0, help="seconds between looks")
    one.add_argument("--once", action="store_true", help="says what there is now, and ends")

    one = add("export", export_run, "The tables of a run for other programs.")
    one.add_argument("run", type=Path, metavar="RUN")
    way = one.add_mutually_exclusive_group(required=True)
    way.add_argument("--csv", type=Path, metavar="DIR", help="a CSV file for each table")
    way.add_argument("--tensorboard", type=Path, metavar="DIR", help="an event file for TensorBoard")

    one = add("collapse", collapsed, "Says whether the controller has collapsed, from its last "
              f"{collapse.LAST} children (rollouts and validation children): one of three alarms is enough. "
              "Exit code 1 when it has, 0 when not.")
    one.add_argument("run", type=Path, metavar="RUN")
    one.add_argument("--share", type=float, default=collapse.MOST_SHARE,
                     help="alarm above this share of one function or operation among all choices of one")
    one.add_argument("--entropy", type=float, default=collapse.LEAST_ENTROPY,
                     help="alarm below this share of a uniform policy's entropy")
    one.add_argument("--distinct", type=float, default=collapse.LEAST_DISTINCT,
                     help="alarm below this share of distinct ones among those children")
    return whole


def main(words: Sequence[str] | None = None) -> int:
    """Exit codes: 0 well, 1 the verdict is bad (collapse, validate, compare), 2 the command could not be done."""
    print_any_name()
    words = sys.argv[1:] if words is None else words
    try:
        refuse_other_bytes(words)
    except AnalysisError as error:
        print(f"enas-analyze: {error}", file=sys.stderr)
        return TROUBLE
    arguments = parser().parse_args(words)
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: print(f"enas-analyze: {message}", file=sys.stderr)
        warnings.simplefilter("always", UserWarning)
        try:
            return int(arguments.run_command(arguments))
        except AnalysisError as error:
            print(f"enas-analyze: {error}", file=sys.stderr)
        except OSError as error:
            print(f"enas-analyze: {error.filename}: {error.strerror}", file=sys.stderr)
        except KeyboardInterrupt:
            return 130
    return TROUBLE
