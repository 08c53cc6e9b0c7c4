# SPDX-License-Identifier: Apache-2.0
"""enas-analyze: the command line."""
from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from . import collapse, comparison, correlation, export, film, regret, tail, validation
from .architecture import read_architecture
from .arguments import Parser, gif, real, whole
from .drawing import draw
from .figures.correlation import scatter
from .figures.regret import regret_by_samples
from .outcome import ALARM, outcome
from .output import refuse_foreign, write_files
from .report import make_report
from .run import Run
from .style import both_files, both_names


def report(arguments: argparse.Namespace) -> int:
    runs = [Run(path) for path in arguments.runs]
    print(make_report(runs, arguments.out, arguments.top, arguments.brief))
    return 0


def draw_files(arguments: argparse.Namespace) -> int:
    stems = [path.stem for path in arguments.files]
    files: dict[Path, bytes] = {}
    for path in arguments.files:
        architecture = read_architecture(path)
        figure = draw(architecture.network, architecture.name if arguments.title else "")
        # best.json of several runs: the folder tells them apart.
        stem = path.stem if stems.count(path.stem) == 1 else f"{path.resolve().parent.name}-{path.stem}"
        files |= both_files(figure, arguments.out / stem, arguments.dpi)
    write_files(files)
    print("\n".join(map(str, files)))
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
        picture = scatter(pairs, verdict)
        write_files({arguments.out / "correlation.csv": pairs.rows.to_csv(index=False).encode(),
                     **both_files(picture.figure, arguments.out / "correlation")})
        print(arguments.out / "correlation.svg")
    return 0


def show_regret(arguments: argparse.Namespace) -> int:
    table, stem = arguments.out / "regret.csv", arguments.out / "regret"
    refuse_foreign({table: ",".join(regret.COLUMNS).encode(), **dict.fromkeys(both_names(stem), b"")})
    program = regret.Program(arguments.program, arguments.config, tuple(arguments.set))
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    regrets = regret.regrets(program, arguments.strategies, seeds, arguments.jobs)
    write_files({table: regret.improvements(regrets, seeds).to_csv(index=False, float_format="%.6g").encode(),
                 **both_files(regret_by_samples(regrets).figure, stem)})
    print("\n".join(regret.in_lines(regrets)))
    print(f"{stem}.svg")
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
    program = Parser(prog="enas-analyze", description="Pictures and verdicts from run directories of enas_hpc. "
                     "Nothing in a run directory is ever changed, and a run may be going on.")
    commands = program.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: object, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text,
                                   formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        made.set_defaults(run_command=run)
        return made

    one = add("report", report, "One self-contained HTML page about searches and trainings, and its figures as files. "
              "Several searches are compared: seeds of a strategy together, strategies on equal axes.")
    one.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    one.add_argument("--out", type=Path, default=Path("report"), help="folder of report.html and figures/")
    one.add_argument("--top", type=whole(0, 100), default=6, help="how many of the best architectures are drawn")
    one.add_argument("--brief", action="store_true", help="of several runs only what they have in common")

    one = add("draw", draw_files, "Draws architecture files or best.json of runs as SVG and PNG.")
    one.add_argument("files", nargs="+", type=Path, metavar="FILE")
    one.add_argument("--out", type=Path, default=Path("."), help="folder of the pictures")
    one.add_argument("--dpi", type=whole(20, 1200), default=300, help="resolution of the PNG")
    one.add_argument("--title", action="store_true", help="with the architecture's name over it")

    one = add("film", make_film, "The best child over time as an animated GIF.")
    one.add_argument("run", type=Path, metavar="RUN")
    one.add_argument("--out", type=gif, default=Path("film.gif"), help="the GIF")
    one.add_argument("--seconds", type=real(0.02, 200), default=1.0, help="of a frame")
    one.add_argument("--every-round", action="store_true", help="the best of each round, not only improvements")

    one = add("correlate", correlate, "Shared-weight scores against scores of the same architectures trained alone: "
              "Kendall's tau-b with a permutation p value and a bootstrap interval, and the scatter.")
    one.add_argument("ranking", type=Path, metavar="RANKING", help="ranking.h5, or a run that was derived from")
    one.add_argument("trainings", nargs="+", type=Path, metavar="TRAINING",
                     help="run directory of a training, a folder that holds some, or a table (docs/tabular.md)")
    one.add_argument("--round", type=real(1e-9, 1e9),
                     help="for the sparse tau; default: 0.001 for accuracy, 1 for perplexity")
    one.add_argument("--seed", type=whole(0, 2**63 - 1), default=0, help="of permutations and resamples")
    one.add_argument("--out", type=Path, help="folder of the scatter and of correlation.csv")

    one = add("regret", show_regret, "Strategies on a table of cells over many seeds: searches with each, and how far "
              "the best of their samples is from the best cell of the table (docs/tabular.md).")
    one.add_argument("--config", type=Path, required=True, metavar="FILE", help="of a search on a table")
    one.add_argument("--out", type=Path, default=Path("regret"), help="folder of regret.csv and of the picture")
    one.add_argument("--strategies", nargs="+", default=["reinforce", "random"], metavar="NAME",
                     help="what search.strategy may be")
    one.add_argument("--seeds", type=whole(1, 10**6), default=100, help="how many searches a strategy")
    one.add_argument("--first-seed", type=whole(0, 2**62), default=1, help="of these seeds, which follow each other")
    one.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="passed on to the program")
    one.add_argument("--jobs", type=whole(1, 1024), default=os.cpu_count() or 1, help="searches at a time")
    one.add_argument("--program", default=os.environ.get("ENAS_HPC", "enas_hpc"),
                     help="enas_hpc; the variable ENAS_HPC also names it")

    one = add("compare", compare, "Two runs: configuration, results and the first rows in which their logs differ, "
              "clocks left out. Exit code 0 when the logs are the same, 1 when they differ.")
    one.add_argument("a", type=Path, metavar="A")
    one.add_argument("b", type=Path, metavar="B")

    one = add("validate", validate, "Holds every file of a run against the documented formats: seals, digests, "
              "columns, order. Exit code 1 when something is wrong.")
    one.add_argument("run", type=Path, metavar="RUN")

    one = add("tail", follow, "Follows a run until it ends: its last rounds or epochs, and each new one.")
    one.add_argument("run", type=Path, metavar="RUN")
    one.add_argument("--last", type=whole(0, 10**9), default=5, help="how many finished rounds are shown first")
    one.add_argument("--interval", type=real(0.01, 86400), default=2.0, help="seconds between looks")
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
    one.add_argument("--share", type=real(0, 100), default=collapse.MOST_SHARE,
                     help="alarm above this share of one function or operation among all choices of one")
    one.add_argument("--entropy", type=real(0, 100), default=collapse.LEAST_ENTROPY,
                     help="alarm below this share of a uniform policy's entropy")
    one.add_argument("--distinct", type=real(0, 100), default=collapse.LEAST_DISTINCT,
                     help="alarm below this share of distinct ones among those children")
    return program


def main(words: Sequence[str] | None = None) -> int:
    """Exit codes: 0 well, 1 the verdict is bad (collapse, validate, compare), others as in outcome.py."""
    def work() -> int:
        arguments = parser().parse_args(words)
        return int(arguments.run_command(arguments))
    return outcome(work)
