# SPDX-License-Identifier: Apache-2.0
"""Drawings: every node and edge is there, and nothing lies over a box."""
import numpy as np
import pytest

from conftest import RECURRENT
from enas_analysis import read_architecture
from enas_analysis.architecture import Cell, Macro, Micro, Recurrent
from enas_analysis.drawing import draw, draw_grid, sketch
from enas_analysis.drawing.layers import apart, place
from enas_analysis.drawing.sketch import Box, Edge
from enas_analysis.style import both_files

SHIPPED = sorted((RECURRENT.parents[2] / "configs" / "architectures").glob("*.json"))
# A chain with a node that is read and put out as well.
NAMED = Recurrent(("tanh", "relu", "sigmoid"), (None, 0, 1), (1, 2))


def boxes(drawing):
    return [shape for shape in drawing.shapes if isinstance(shape, Box)]


def edges(drawing):
    return [shape for shape in drawing.shapes if isinstance(shape, Edge)]


def overlap(a, b):
    return (abs(a.x - b.x) < (a.width + b.width) / 2 - 1e-9) and (abs(a.y - b.y) < (a.height + b.height) / 2 - 1e-9)


def points_on(edge, count=60):
    """Many points on each cubic piece, straight ones included."""
    points = np.array(edge.points)
    t = np.linspace(0, 1, count)[:, None]
    return [point for i in range(0, len(points) - 1, 3) for point in
            (1 - t) ** 3 * points[i] + 3 * (1 - t) ** 2 * t * points[i + 1]
            + 3 * (1 - t) * t ** 2 * points[i + 2] + t ** 3 * points[i + 3]]


def network_of(path):
    return read_architecture(path).network


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_boxes_do_not_overlap_and_stay_inside(path):
    drawing = sketch(network_of(path))
    found = boxes(drawing)
    assert not [(a.text, b.text) for i, a in enumerate(found) for b in found[:i] if overlap(a, b)]
    for box in found:
        assert box.x - box.width / 2 >= -1e-6
        assert box.x + box.width / 2 <= drawing.width + 1e-6
        assert box.y - box.height / 2 >= -1e-6
        assert box.y + box.height / 2 <= drawing.height + 1e-6


@pytest.mark.parametrize("path", [*SHIPPED, NAMED], ids=str)
def test_no_edge_passes_under_a_box(path):
    drawing = sketch(path if isinstance(path, Recurrent) else network_of(path))
    for edge in edges(drawing):
        way = points_on(edge)
        for box in boxes(drawing):
            # Ends touch boxes: only what is well inside counts.
            deep = [(x, y) for x, y in way if abs(x - box.x) < box.width / 2 - 0.03
                    and abs(y - box.y) < box.height / 2 - 0.03]
            assert not deep, (box.text, deep[:2])


@pytest.mark.parametrize("path", [path for path in SHIPPED if "recurrent" in path.stem or path.stem in
                                  ("enas-ptb", "enas-lm")], ids=lambda path: path.stem)
def test_arrows_end_on_boxes(path):
    drawing = sketch(network_of(path))
    for edge in edges(drawing):
        x, y = edge.points[-1]
        assert [box for box in boxes(drawing) if abs(x - box.x) < box.width / 2 and
                abs(y - (box.y - box.height / 2)) < 0.03], (x, y)


def test_recurrent_cell_has_every_node_and_edge():
    cell = Recurrent(("tanh", "relu", "sigmoid", "identity"), (None, 0, 0, 2), (1, 3))
    drawing = sketch(cell)
    assert {b.text for b in boxes(drawing)} == {"x[t]", "h[t−1]", "0  tanh", "1  relu", "2  sigmoid", "3  identity",
                                                "mean", "h[t]"}
    assert len(edges(drawing)) == 2 + 3 + 2 + 1  # in, tree, outputs, mean to state


def test_single_output_needs_no_mean():
    assert "mean" not in {b.text for b in boxes(sketch(Recurrent(("tanh", "relu"), (None, 0), (1,))))}


def test_macro_has_an_arc_for_every_skip():
    network = Macro(("conv_3x3", "max_pool_3x3", "sep_conv_5x5"), ((), (-1,), (-1, 0)))
    drawing = sketch(network)
    assert [b.text for b in boxes(drawing)] == ["stem", "conv\n3×3", "max\npool\n3×3", "sep\nconv\n5×5", "classes"]
    assert len(edges(drawing)) == 4 + 3
    assert min(y for edge in edges(drawing) for _, y in edge.points[::3]) >= 0


def test_micro_cells_show_operations_beside_their_inputs():
    cell = Cell(((0, 1), (2, 0)), (("identity", "avg_pool_3x3"), ("sep_conv_3x3", "max_pool_3x3")), (1, 3))
    drawing = sketch(Micro(cell, cell))
    texts = [b.text for b in boxes(drawing)]
    for text in ("identity", "avg pool\n3×3", "sep conv\n3×3", "max pool\n3×3", "2: +", "3: +", "concatenation"):
        assert texts.count(text) == 2, text
    arrows = [edge for edge in edges(drawing) if edge.arrow]
    assert len(arrows) == 2 * (4 + 2)


def test_places_in_a_layer_keep_their_distance():
    assert apart([0, 0, 0], [1, 1]) == pytest.approx([-1, 0, 1])
    assert apart([0, 5, 5], [1, 1]) == pytest.approx([0, 4.5, 5.5])


def test_layers_put_crossing_edges_straight():
    layout = place({"a": 0, "b": 0, "c": 1, "d": 1}, [("a", "d"), ("b", "c")], dict.fromkeys("abcd", 1.0))
    assert (layout.x["a"] < layout.x["b"]) == (layout.x["d"] < layout.x["c"])


@pytest.mark.parametrize("path", [SHIPPED[0], SHIPPED[-1]], ids=lambda path: path.stem)
def test_files(path, tmp_path):
    figure = draw(network_of(path), "a title")
    files = both_files(figure, tmp_path / "a", 60)
    assert b"<svg" in files[tmp_path / "a.svg"]
    assert files[tmp_path / "a.png"].startswith(b"\x89PNG")
    assert both_files(draw(network_of(path), "a title"), tmp_path / "a", 60) == files  # equal drawings, equal bytes


def test_grid_has_all_in_one_picture():
    networks = [network_of(path) for path in SHIPPED if isinstance(network_of(path), Recurrent)]
    figure = draw_grid(networks, [str(i) for i in range(len(networks))])
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count("x[t]") == len(networks)
    assert {str(i) for i in range(len(networks))} <= set(texts)
