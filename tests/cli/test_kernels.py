"""``imtrans kernels``: what is printed, where, and with which exit status."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imtrans.cli.kernels import app
from imtrans.errors import BuildError
from imtrans.ops.native import find, sources

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="native kernels are built on Linux")

runner = CliRunner()


@pytest.fixture(autouse=True)
def csrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of one line, an empty cache, and no library in the package."""
    root = tmp_path / "csrc"
    for folder in sources.FOLDERS:
        (root / folder).mkdir(parents=True)
    (root / "cpu" / "tiny.cpp").write_text("int answer() { return 42; }\n", encoding="utf-8")
    monkeypatch.setattr(sources, "_default_root", lambda: root)
    monkeypatch.setattr(find, "SHIPPED_LIBRARY", tmp_path / "package" / "_C.so")
    monkeypatch.setattr(find, "SHIPPED_RECORD", tmp_path / "package" / "_C.json")
    monkeypatch.setenv("IMTRANS_CACHE", str(tmp_path / "cache"))
    for variable in ("CXX", "CXXFLAGS", "IMTRANS_BUILD_CUDA"):
        monkeypatch.delenv(variable, raising=False)
    return root


def test_build_prints_the_library_on_stdout_and_progress_on_stderr(tmp_path: Path) -> None:
    result = runner.invoke(app, ["build", "--no-cuda"])
    assert result.exit_code == 0, result.output
    library = Path(result.stdout.strip())
    assert library.is_file()
    assert library.is_relative_to(tmp_path / "cache")
    assert "compiling 1 files" in result.stderr
    assert runner.invoke(app, ["build", "--no-cuda"]).stdout == result.stdout


def test_build_says_when_another_library_goes_first(tmp_path: Path) -> None:
    library = Path(runner.invoke(app, ["build", "--no-cuda"]).stdout.strip())
    find.SHIPPED_LIBRARY.parent.mkdir()
    find.SHIPPED_LIBRARY.touch()
    find.SHIPPED_RECORD.write_text((library.parent / "recipe.json").read_text())
    result = runner.invoke(app, ["build", "--no-cuda"])
    assert str(find.SHIPPED_LIBRARY) in result.stderr


def test_build_passes_the_compilers_complaint_on(csrc: Path) -> None:
    (csrc / "cpu" / "tiny.cpp").write_text("nonsense;\n", encoding="utf-8")
    error = runner.invoke(app, ["build", "--no-cuda"]).exception
    assert isinstance(error, BuildError)
    assert "nonsense" in error.have


def test_verbose_shows_the_commands() -> None:
    assert "-std=c++20" in runner.invoke(app, ["build", "--no-cuda", "--verbose"]).stderr


def test_list_without_a_library_says_what_to_type() -> None:
    result = runner.invoke(app, ["list"])
    assert result.exit_code == 0
    assert "imtrans kernels build" in result.stdout
    data = json.loads(runner.invoke(app, ["list", "--json"]).stdout)
    assert data["libraries"] == []
    assert "no library was built" in data["why_none"]


def test_list_marks_the_library_in_use() -> None:
    path = runner.invoke(app, ["build", "--no-cuda"]).stdout.strip()
    (row,) = json.loads(runner.invoke(app, ["list", "--json"]).stdout)["libraries"]
    assert (row["path"], row["kind"], row["in_use"]) == (path, "on demand", True)
    assert Path(path).parent.name == row["key"]
    assert row["key"] in runner.invoke(app, ["list"]).stdout


def test_clean_removes_and_lists_what_it_removed() -> None:
    path = Path(runner.invoke(app, ["build", "--no-cuda"]).stdout.strip())
    assert f"removed {path.parent}" in runner.invoke(app, ["clean"]).stdout
    assert not path.exists()
    assert "clean already" in runner.invoke(app, ["clean"]).stdout
