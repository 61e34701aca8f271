"""The page of benchmarks: made from results, left alone otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import plots
import pytest
import report
from results import read_all
from surroundings import RESULTS

from imtrans.errors import InputError

from .made_up import operator_line

PAGE = """By hand.

<!-- results of targets on CPU -->
old
<!-- end of results -->

<!-- results of adain on CPU -->
<!-- end of results -->

<!-- results of adain on GPU -->
<!-- end of results -->
"""


@pytest.fixture
def arguments(write_results: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A command line over results, a page and a folder of pictures of their own, without drawing."""
    monkeypatch.setattr(plots, "draw", lambda path, results: path.write_text("drawn"))
    monkeypatch.setattr(plots, "shows", lambda path, results: path.exists())
    (tmp_path / "page.md").write_text(PAGE)
    (tmp_path / "pictures").mkdir()
    folder = write_results("adain", operator_line())
    return ["--results", str(folder), "--page", str(tmp_path / "page.md"), "--pictures", str(tmp_path / "pictures")]


def test_tables_and_picture_come_between_the_markers(arguments: list[str], tmp_path: Path) -> None:
    assert report.main([*arguments, "--check"]) == 1
    assert (tmp_path / "page.md").read_text() == PAGE
    assert report.main(arguments) == 0
    text = (tmp_path / "page.md").read_text()
    assert text.startswith("By hand.\n\n<!-- results of targets on CPU -->\n\n| | wanted | measured | |\n")
    assert "old" not in text
    assert "![adain](pictures/benchmark-adain-cpu.png)" in text
    assert "No GPU has run this yet." in text
    assert (tmp_path / "pictures" / "benchmark-adain-cpu.png").exists()


def test_again_changes_nothing(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report.main(arguments)
    text = (tmp_path / "page.md").read_text()
    capsys.readouterr()
    assert report.main(arguments) == 0
    assert (tmp_path / "page.md").read_text() == text
    assert capsys.readouterr().out.count("as it was") == 2
    assert report.main([*arguments, "--check"]) == 0


@pytest.mark.parametrize("page", ["no markers", "<!-- results of adain on TPU -->\n<!-- end of results -->"])
def test_markers_that_mean_nothing(arguments: list[str], tmp_path: Path, page: str) -> None:
    (tmp_path / "page.md").write_text(page)
    with pytest.raises(InputError, match="marker"):
        report.main(arguments)


def test_a_page_that_is_not_there(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "page.md").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        report.main(arguments)


def test_the_projects_page_says_what_its_results_say() -> None:
    assert report.main(["--check"]) == 0, "run: python benchmarks/report.py"


def test_the_projects_pictures_show_its_results() -> None:
    stale = [
        each.benchmark
        for each in read_all(RESULTS)
        if not plots.shows(report.PICTURES / report.picture_name(each), each)
    ]
    assert not stale, "run: python benchmarks/report.py"
