"""Fixtures for the whole suite."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import hypothesis
import pytest

# A machine that is busy takes its time, which proves nothing against the code.
hypothesis.settings.register_profile("imtrans", deadline=None)
hypothesis.settings.load_profile("imtrans")

# Before anything imports torch, and for subprocesses too. The tests run in parallel on small pictures: with a thread a
# core in every process, OpenMP's threads spin while they wait for one another, and seconds become minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")

CARD = """
from imtrans import Card, Ref

card = Card(
    name={name!r},
    summary="does nothing much",
    network_config=Ref("{package}.networks:Config"),
    build=Ref("{package}.networks:build"),
    recognise=Ref("{package}.networks:recognise"),
)
"""


class FakeDistributions:
    """Installs distributions made of text into a folder on the path, here and in subprocesses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(
        self, name: str, entry_points: Mapping[str, str], modules: Mapping[str, str] | None = None, version: str = "1.0"
    ) -> None:
        """Add the distribution ``name`` with ``entry_points`` {model: target} and ``modules`` {name: source}."""
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = "".join(f"{model} = {target}\n" for model, target in entry_points.items())
        (info / "entry_points.txt").write_text(f"[imtrans.plugins]\n{lines}")
        for module, source in (modules or {}).items():
            (self.folder / f"{module}.py").write_text(source)
        importlib.invalidate_caches()

    def add_card(self, distribution: str, model: str, package: str, version: str = "1.0") -> None:
        """Add a sound plugin."""
        self.add(distribution, {model: f"{package}:card"}, {package: CARD.format(name=model, package=package)}, version)

    @property
    def environment(self) -> dict[str, str]:
        """For a subprocess that is to see these distributions."""
        before = os.environ.get("PYTHONPATH")
        return {**os.environ, "PYTHONPATH": os.pathsep.join([str(self.folder), *([before] if before else [])])}


@pytest.fixture
def distributions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDistributions:
    """An empty folder on the path, for plugins that exist during one test."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    for name in list(sys.modules):
        if name.startswith("fake_"):
            monkeypatch.delitem(sys.modules, name)
    return FakeDistributions(folder)
