"""Files of other projects: fetched once, held to their digest, and words when they cannot be had."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from fileserver import Behaviour, serving

from imtrans.errors import WeightsError
from imtrans.weights.download import Patience
from imtrans.weights.published import Published, obtain

CONTENT = b"a network" * 1000
QUICK = Patience(timeout=5, attempts=1, pause=0)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IMTRANS_CACHE", str(tmp_path))
    monkeypatch.delenv("IMTRANS_OFFLINE", raising=False)
    return tmp_path


def published(url: str) -> Published:
    return Published("the toy network", url, hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


def test_fetched_once(cache: Path) -> None:
    with serving(Behaviour(content=CONTENT)) as server:
        entry = published(server.url)
        assert not entry.is_here
        path = obtain(entry, patience=QUICK)
        assert path == entry.cached
        assert path.parent == cache / "weights" / "published"
        assert path.read_bytes() == CONTENT
        assert entry.is_here
        asked = len(server.asked)
        assert obtain(entry, patience=QUICK) == path
        assert len(server.asked) == asked


def test_another_file_is_refused() -> None:
    with serving(Behaviour(content=CONTENT[:-1] + b"!")) as server:
        with pytest.raises(WeightsError, match="the toy network cannot be had"):
            obtain(published(server.url), patience=QUICK)
        assert not published(server.url).is_here


def test_a_file_that_was_put_there_is_checked() -> None:
    entry = published("https://example.org/toy.pth")
    entry.cached.parent.mkdir(parents=True)
    entry.cached.write_bytes(b"something else")
    with pytest.raises(WeightsError, match="is not the file that was published"):
        obtain(entry)
    entry.cached.write_bytes(CONTENT)
    assert obtain(entry, offline=True) == entry.cached


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_offline(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if by == "environment":
        monkeypatch.setenv("IMTRANS_OFFLINE", "1")
    entry = published("https://example.org/toy.pth")
    with pytest.raises(WeightsError, match="not on this machine, and imtrans is to stay offline") as raised:
        obtain(entry, offline=by == "argument", option="--toy FILE")
    assert "https://example.org/toy.pth" in raised.value.hint
    assert str(entry.cached) in raised.value.hint
    assert "or give --toy FILE" in raised.value.hint
