"""Pictures of results."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import plots
import pytest
from PIL import Image
from results import read_all

from imtrans.errors import MissingExtraError

from .made_up import generator_line, operator_line, training_line


def test_a_picture_knows_what_it_shows(write_results: Callable[..., Path], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "new" / "picture.png"
    for benchmark, line in (
        ("adain", operator_line()),
        ("generator", generator_line()),
        ("training", training_line()),
    ):
        results = read_all(write_results(benchmark, line))[-1]
        assert not plots.shows(path, results)
        plots.draw(path, results)
        assert plots.shows(path, results)
        with Image.open(path) as picture:
            assert picture.width == 720
        assert path.stat().st_size < 100_000


def test_without_matplotlib_it_says_what_to_install(
    write_results: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"imtrans\[bench\]"):
        plots.draw(tmp_path / "picture.png", read_all(write_results("adain", operator_line()))[0])
