"""Distributions and environments for the tests of installing."""

from __future__ import annotations

import os
import shlex
import sys
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from environments import Environment, copy_checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project that a test may build in and break."""
    return copy_checkout(tmp_path / "checkout")


@pytest.fixture
def make_environment(tmp_path: Path) -> Callable[[], Environment]:
    """Makes environments that borrow everything from the one that runs the tests."""

    def make() -> Environment:
        return Environment(tmp_path / "environment", Path(metadata.distribution("torch").locate_file("")))

    return make


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Path:
    """A folder with a wheel of setuptools, packed from the installed one, so that build isolation works offline."""
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    setuptools = metadata.distribution("setuptools")
    with zipfile.ZipFile(folder / f"setuptools-{setuptools.version}-py3-none-any.whl", "w") as wheel:
        for file in setuptools.files or ():
            if ".." not in file.parts and file.suffix != ".pyc" and Path(file.locate()).is_file():
                wheel.write(file.locate(), file.as_posix())
    return folder


@pytest.fixture
def quick_build(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A compiler that does not optimise, and keeps what it has compiled for the other tests of this run."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    script = Path(__file__).with_name("hasty_compiler.py")
    compiler = tmp_path / "hasty-c++"
    command = shlex.join([sys.executable, str(script), str(shared / "objects")])
    compiler.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    compiler.chmod(0o755)
    return {"CXX": str(compiler)}
