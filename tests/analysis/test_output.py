# SPDX-License-Identifier: Apache-2.0
"""Files that enas-analyze writes where the user says."""
import os
import stat
import threading
from pathlib import Path

import pytest

from conftest import HERE
from enas_analysis.commands import main
from enas_analysis.errors import AnalysisError
from enas_analysis.output import MARK, write_files

CELL = HERE.parents[1] / "configs" / "architectures" / "enas-ptb.json"
OURS = f"<!-- {MARK} -->".encode()


def test_a_file_keeps_its_mode_and_names(tmp_path):
    file, other = tmp_path / "file", tmp_path / "other"
    file.write_bytes(OURS)
    file.chmod(0o640)
    os.link(file, other)
    write_files({file: b"new"})
    assert other.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_links_are_followed(tmp_path):
    for name in ("there", "not yet"):
        link, target = tmp_path / f"link to {name}", tmp_path / name
        link.symlink_to(target)
        if name == "there":
            target.write_bytes(OURS)
        write_files({link: b"new"})
        assert link.is_symlink()
        assert target.read_bytes() == b"new"


def test_all_or_none(tmp_path):
    """A file that is not ours keeps the others from being written too."""
    mine, others = tmp_path / "mine.svg", tmp_path / "folder" / "b.svg"
    mine.write_bytes(b"<svg/>")
    with pytest.raises(AnalysisError, match=r"mine\.svg: enas-analyze did not write this"):
        write_files({others: OURS, mine: OURS})
    assert mine.read_bytes() == b"<svg/>"
    assert not others.parent.exists()


@pytest.mark.parametrize(("old", "replaced"), [
    (b"", True), (b"step,loss,histogram.tanh\r\n1,2,3\r\n", True), (b"loss,step\n", False), (OURS, False)])
def test_a_table_is_known_by_its_columns(tmp_path, old, replaced):
    table = tmp_path / "rounds.csv"
    table.write_bytes(old)
    new = b"step,loss,histogram.relu,histogram.tanh\n"
    if replaced:
        write_files({table: new})
        assert table.read_bytes() == new
    else:
        with pytest.raises(AnalysisError):
            write_files({table: new})
        assert table.read_bytes() == old


def read_in_background(pipe, received):
    reader = threading.Thread(target=lambda: received.append(Path(pipe).read_bytes()), daemon=True)
    reader.start()
    return reader


def test_draw_into_pipes(tmp_path):
    """Formats that seek in their file are written as a whole."""
    received = {".svg": [], ".png": []}
    readers = []
    for ending, content in received.items():
        os.mkfifo(tmp_path / f"enas-ptb{ending}")
        readers.append(read_in_background(tmp_path / f"enas-ptb{ending}", content))
    assert main(["draw", str(CELL), "--out", str(tmp_path), "--dpi", "40"]) == 0
    for reader in readers:
        reader.join(20)
    assert b"<svg" in received[".svg"][0]
    assert received[".png"][0].startswith(b"\x89PNG")


def test_draw_again_and_beside_the_users_pictures(tmp_path, capsys):
    assert main(["draw", str(CELL), "--out", str(tmp_path), "--dpi", "40"]) == 0
    assert main(["draw", str(CELL), "--out", str(tmp_path), "--dpi", "50"]) == 0
    (tmp_path / "enas-ptb.png").write_bytes(b"\x89PNG of my own")
    assert main(["draw", str(CELL), "--out", str(tmp_path)]) == 2
    assert "enas-ptb.png: enas-analyze did not write this" in capsys.readouterr().err
    assert (tmp_path / "enas-ptb.png").read_bytes() == b"\x89PNG of my own"


def test_film_into_a_pipe(recurrent, tmp_path):
    os.mkfifo(tmp_path / "film.gif")
    received = []
    reader = read_in_background(tmp_path / "film.gif", received)
    assert main(["film", str(recurrent), "--out", str(tmp_path / "film.gif")]) == 0
    reader.join(20)
    assert received[0].startswith(b"GIF89a")


@pytest.mark.parametrize(("command", "option", "name"), [
    ("report", "--out", "report.html"), ("report", "--out", "figures/best.svg"), ("export", "--csv", "rounds.csv"),
    ("film", "--out", None)])
def test_files_of_the_user_stay(recurrent, tmp_path, capsys, command, option, name):
    """What a command wrote itself is replaced, and nothing else."""
    place = tmp_path / "folder" if name else tmp_path / "film.gif"
    words = [command, str(recurrent), option, str(place)]
    assert main(words) == 0
    assert main(words) == 0
    file = place / name if name else place
    assert file.exists()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    file.write_bytes(b"mine")
    assert main(words) == 2
    assert f"{file}: enas-analyze did not write this" in capsys.readouterr().err
    assert file.read_bytes() == b"mine"
    assert all(path.stat().st_mtime_ns == time for path, time in before.items() if path != file)


def test_events_of_the_user_stay(recurrent, tmp_path):
    words = ["export", str(recurrent), "--tensorboard", str(tmp_path)]
    assert main(words) == 0
    assert main(words) == 0
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"mine")
    assert main(words) == 2
    assert file.read_bytes() == b"mine"
