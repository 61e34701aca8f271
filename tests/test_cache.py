"""Where the cache is, by the three rules in their order."""

from __future__ import annotations

from pathlib import Path

import pytest

from imtrans.cache import cache_root


def test_the_environment_decides_and_home_is_the_rest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("IMTRANS_CACHE", "~/own")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    assert cache_root() == tmp_path / "own"
    monkeypatch.delenv("IMTRANS_CACHE")
    assert cache_root() == tmp_path / "shared" / "imtrans"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_root() == tmp_path / ".cache" / "imtrans"


def test_a_relative_folder_means_the_same_after_a_change_of_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMTRANS_CACHE", "here")
    assert cache_root() == tmp_path / "here"
