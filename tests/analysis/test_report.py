# SPDX-License-Identifier: Apache-2.0
"""The report: complete, self-contained, the same pictures as files, fit for light and dark."""
import re
import shutil
from html.parser import HTMLParser
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from conftest import HERE, RECURRENT, search
from enas_analysis import AnalysisError, Run
from enas_analysis.figures import choices
from enas_analysis.figures.ranks import seconds_by_rank
from enas_analysis.history import Start
from enas_analysis.report import make_report
from enas_analysis.several import at_budget, different_keys, equal_budget, groups_of, table

SEARCH_PICTURES = {"best", "reward", "entropy", "options", "edges", "best-cell", "top", "learning", "time"}


def test_a_tabular_search_trains_nothing(tmp_path):
    table = HERE.parents[1] / "configs" / "tables" / "recurrent_4.h5"
    run = search(tmp_path / "run", HERE.parents[1] / "configs" / "tabular.toml",
                 {"evaluation.table": table, "search.rounds": 2})
    text = make_report([Run(run)], tmp_path / "report").read_text()
    drawn = {path.stem for path in (tmp_path / "report" / "figures").glob("*.svg")}
    assert drawn == SEARCH_PICTURES - {"learning", "time"}
    assert "looked up in a table" in text
    assert "shared weights" not in text


def test_a_search_before_its_first_controller_step(tmp_path):
    run = search(tmp_path / "run", RECURRENT, None, "--max-steps", 4)
    assert "no verdict" in make_report([Run(run)], tmp_path / "report").read_text()


def test_a_run_counts_once(derived):
    with pytest.raises(AnalysisError, match="more than once"):
        groups_of([Run(derived), Run(derived)])


def test_seconds_of_ranks_follow_their_slots():
    """Four slots: one rank, then three of them (1, 1 and 2 slots)."""
    rows = [{"source": "slot", "step": step, "index": slot, "seconds": 10.0 * step + slot}
            for step in (0, 1) for slot in range(4)]
    rows.append({"source": "validation", "step": 1, "index": 0, "seconds": np.nan})
    run = SimpleNamespace(children=pd.DataFrame(rows), starts=[Start(0, 1), Start(1, 3)])
    steps, seconds = seconds_by_rank(run)
    assert steps.tolist() == [0, 1]
    np.testing.assert_array_equal(seconds, [[6, np.nan, np.nan], [10, 11, 12 + 13]])


class Tags(HTMLParser):
    """Opened and closed tags must fit; collects what could reach for the network."""

    def __init__(self, text):
        super().__init__()
        self.open, self.addresses = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.addresses += [value for name, value in attributes if name in ("src", "href", "xlink:href") and value]
        if tag not in ("meta", "br", "hr", "img", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.addresses += [value for name, value in attributes if name in ("src", "href", "xlink:href") and value]


def svgs(page):
    return re.findall(r"<svg .*?</svg>", page, re.DOTALL)


@pytest.fixture(scope="module")
def page(derived, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    path = make_report([Run(derived)], folder)
    return folder, path.read_text()


def test_all_pictures_are_in_the_page_and_in_files(page):
    folder, text = page
    assert {path.stem for path in (folder / "figures").glob("*.svg")} == SEARCH_PICTURES
    assert {path.stem for path in (folder / "figures").glob("*.png")} == SEARCH_PICTURES
    assert len(svgs(text)) == len(SEARCH_PICTURES)


def test_page_is_well_formed_and_needs_no_network(page):
    tags = Tags(page[1])
    assert tags.open == []
    assert all(address.startswith(("#", "data:")) for address in tags.addresses)
    assert "<script" not in page[1]
    assert "@import" not in page[1]
    assert not re.findall(r"url\((?!#)", page[1])
    for svg in svgs(page[1]):
        ElementTree.fromstring(svg)


def test_ids_are_unique_and_references_lead_somewhere(page):
    ids = re.findall(r'\bid="([^"]+)"', page[1])
    assert len(ids) == len(set(ids))
    references = re.findall(r'(?:xlink:href="#|url\(#)([^")]+)', page[1])
    assert references
    assert set(references) <= set(ids)


def test_light_and_dark(page):
    assert "prefers-color-scheme: dark" in page[1]
    for svg in svgs(page[1]):
        assert "var(--ink)" in svg
        assert not re.search("#1c2128|#fefefe", svg, re.IGNORECASE)


def test_restarts_are_on_every_time_axis(page):
    text = page[1]
    assert "at step 14" in text
    for picture in (choices.entropy, choices.options):
        figure = picture(Run(folder_of(text))).figure
        for axes in figure.axes:
            if axes.get_xlabel() == "step" or not axes.get_xlabel():
                lines = [line for line in axes.lines if list(line.get_xdata()) == [14, 14]]
                assert lines or axes.get_label() == "<colorbar>"


def folder_of(text):
    return re.search(r'class="lead">([^<]+)<', text)[1]


def test_configuration_and_versions_are_at_the_end(page):
    text = page[1]
    end = text[text.index("Configuration and versions"):]
    assert "program version" in end
    assert "segment_length = 8" in end
    assert len(svgs(end)) == 0


@pytest.mark.parametrize("space", ["macro", "micro"])
def test_other_spaces(space, request, tmp_path):
    make_report([Run(request.getfixturevalue(space))], tmp_path)
    assert {path.stem for path in (tmp_path / "figures").glob("*.svg")} == SEARCH_PICTURES


def test_training_shows_its_curves(trainings, tmp_path):
    text = make_report([Run(trainings / "top-1")], tmp_path).read_text()
    assert {path.stem for path in (tmp_path / "figures").glob("*.svg")} == {"curves", "learning", "time", "best-cell"}
    assert "test perplexity" in text


def test_several_searches_are_compared(seeds, tmp_path):
    text = make_report([Run(path) for path in seeds], tmp_path, brief=True).read_text()
    assert {path.stem for path in (tmp_path / "figures").glob("*.svg")} == {"strategies"}
    assert "reinforce – random" in text
    assert "permutation test" in text


def test_table_of_strategies(seeds):
    runs = [Run(path) for path in seeds]
    budget, rows, differences = table(groups_of(runs))
    assert budget == equal_budget(runs) == min(len(run.children) for run in runs)
    best = [run.rounds["best_metric"].min() for run in runs]
    assert [(row.strategy, row.n, row.seeds) for row in rows] == [("reinforce", 2, "1, 2"), ("random", 2, "1, 2")]
    assert rows[0].best == pytest.approx((np.mean(best[:2]), np.std(best[:2], ddof=1)))
    # Two against two: 6 ways to deal out, so p is a multiple of 1/6 and at least 2/6.
    assert (differences[0].best * 6) == pytest.approx(round(differences[0].best * 6))
    assert differences[0].best >= 2 / 6 - 1e-9
    assert different_keys(runs) == {}


def test_a_search_and_its_copy_are_not_two_seeds(seeds, tmp_path):
    twin = shutil.copytree(seeds[0], tmp_path / "twin")
    with pytest.raises(AnalysisError, match="are the same search \\(seed 1, reinforce\\)"):
        groups_of([Run(seeds[0]), Run(twin)])


def test_budget_is_what_every_run_reached(recurrent, seeds):
    long, short = Run(recurrent), Run(seeds[0])
    budget = equal_budget([long, short])
    assert budget == len(short.children) < len(long.children)
    assert at_budget(long, budget)[0] == long.rounds["best_metric"].iloc[0]
    assert different_keys([long, short]) == {"search.rounds": [3, 1]}


def test_spaces_are_not_mixed(recurrent, macro, trainings):
    with pytest.raises(AnalysisError, match="no common axes"):
        groups_of([Run(recurrent), Run(macro)])
    with pytest.raises(AnalysisError, match="is a training"):
        groups_of([Run(recurrent), Run(trainings / "top-1")])


def test_shares_of_options_and_skips(macro):
    run = Run(macro)
    edges = np.array([0.0, run.log.end_step / 2, run.log.end_step])
    shares, skips = choices.option_shares(run, edges), choices.skip_shares(run, edges)
    assert np.allclose(shares.sum(axis=0), 1)
    late = run.children[run.children["step"] >= edges[1]]["tokens"]
    operations = [t[i] for t in late for i, d in enumerate(run.log.decisions) if d.endswith("operation")]
    taken = [t[i] for t in late for i, d in enumerate(run.log.decisions) if " skip " in d]
    assert shares[2, 1] == pytest.approx(operations.count(2) / len(operations))
    assert skips[1] == pytest.approx(np.mean(taken))


def test_edges_against_chance(recurrent):
    run = Run(recurrent)
    ((_, pairs, sources, readers),) = choices.edge_groups(run)
    ratios = choices.edge_ratios(run, run.children, pairs, len(readers), len(sources))
    place = run.log.decisions.index("node 2 previous")
    share = np.mean([t[place] == 1 for t in run.children["tokens"]])
    assert 2 ** ratios[1, 1] == pytest.approx(share / 0.5)
    assert ratios[0, 0] == 0  # node 1 has no choice
    assert np.isnan(ratios[0, 1])
