"""Names and paths -> files."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from fileserver import Behaviour, serving
from safetensors.torch import save_file

from imtrans.card import Card, Ref, Weights
from imtrans.errors import PluginError, UsageError, WeightsError
from imtrans.weights.download import Patience
from imtrans.weights.store import UnknownWeightsError, cached_path, is_here, locate

CONTENT = b"the weights"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(timeout=10, attempts=1)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMTRANS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("IMTRANS_OFFLINE", raising=False)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A plugin's package with shipped weights, on the path as ``toy_store``."""
    folder = tmp_path / "site" / "toy_store"
    (folder / "weights").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "config.py").touch()
    (folder / "weights" / "w.safetensors").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(folder.parent)
    yield folder
    for name in [name for name in sys.modules if name.startswith("toy_store")]:
        del sys.modules[name]


def shipped(**settings: Any) -> Weights:
    return Weights("own", "toys into toys", "CC0-1.0", file="weights/w.safetensors", **settings)


def published(url: str = "http://127.0.0.1:9/files/horse.pth", **settings: Any) -> Weights:
    return Weights("horse2zebra", "horses into zebras", "unknown", url=url, **settings)


def card(*weights: Weights, default: str | None = None, module: str = "toy_store.config") -> Card:
    ref = Ref(f"{module}:Config")
    return Card("toy", "a toy", ref, ref, ref, weights=weights, default_weights=default)


# --- shipped weights ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["toy_store", "toy_store.config"])
def test_shipped_weights_lie_in_the_plugins_package(package: Path, module: str) -> None:
    found = locate(card(shipped(sha256=DIGEST), module=module), "own")
    assert found.path == package / "weights" / "w.safetensors"
    assert (found.name, found.network, found.notes) == ("own", None, ())
    assert found.weights == shipped(sha256=DIGEST)


def test_a_training_run_serves_where_the_model_is_named_too(tmp_path: Path) -> None:
    place = tmp_path / "run" / "checkpoints" / "step-00000002"
    place.mkdir(parents=True)
    (tmp_path / "run" / "config.toml").touch()
    (place / "state.pt").touch()
    for name, direction in (("ab", "a2b"), ("ba", "b2a")):
        identity = json.dumps({"model": "toy", "config": {}, "direction": direction})
        save_file({"w": torch.ones(1)}, place / f"{name}.safetensors", {"imtrans": identity})
    found = locate(card(), f"{tmp_path / 'run'}#b2a")
    assert (found.path, found.network) == (place / "ba.safetensors", None)
    with pytest.raises(WeightsError, match="holds 2 networks that translate"):
        locate(card(), tmp_path / "run")


def test_a_plugin_of_a_single_module(package: Path) -> None:
    (package.parent / "toy_store_single.py").touch()
    (package.parent / "weights").mkdir()
    (package.parent / "weights" / "w.safetensors").write_bytes(CONTENT)
    found = locate(card(shipped(), module="toy_store_single"), "own")
    assert found.path == package.parent / "weights" / "w.safetensors"


def test_none_takes_the_default(package: Path) -> None:
    assert locate(card(published(), shipped(), default="own"), None).name == "own"
    with pytest.raises(WeightsError, match="without default weights") as caught:
        locate(card(published()), None)
    assert "horse2zebra" in caught.value.have


def test_shipped_weights_that_are_missing_or_changed(package: Path) -> None:
    with pytest.raises(WeightsError, match="not the file that was published"):
        locate(card(shipped(sha256="0" * 64)), "own")
    (package / "weights" / "w.safetensors").unlink()
    with pytest.raises(PluginError, match="promises the weights 'own'"):
        locate(card(shipped()), "own")


# --- downloaded weights ---------------------------------------------------------------------------------------------


def test_a_first_use_downloads_and_a_second_does_not(tmp_path: Path) -> None:
    seen: list[int] = []
    with serving(Behaviour(CONTENT)) as server:
        toy = card(published(server.url, sha256=DIGEST))
        assert not is_here(toy, toy.weights[0])
        first = locate(toy, "horse2zebra", progress=lambda done, _: seen.append(done))
        second = locate(toy, "horse2zebra")
    assert first == second
    assert first.path == tmp_path / "cache" / "weights" / "toy" / "horse2zebra.pth"
    assert first.path.read_bytes() == CONTENT
    assert len(server.asked) == 1
    assert seen[-1] == len(CONTENT)
    assert is_here(toy, toy.weights[0])


def test_without_a_published_digest_the_first_is_trusted_and_the_rest_held_to_it() -> None:
    with serving(Behaviour(CONTENT)) as server:
        toy = card(published(server.url))
        first = locate(toy, "horse2zebra")
        assert "no sha256 was published for horse2zebra.pth; its digest" in first.notes[0]
        assert "unchanged" in locate(toy, "horse2zebra").notes[0]
        first.path.write_bytes(b"tampered with")
        with pytest.raises(WeightsError, match="has changed since it was first used"):
            locate(toy, "horse2zebra")


def test_a_cached_file_that_is_not_the_published_one() -> None:
    toy = card(published(sha256=DIGEST))
    path = cached_path(toy, toy.weights[0])
    path.parent.mkdir(parents=True)
    path.write_bytes(b"something else")
    with pytest.raises(WeightsError, match="not the file that was published"):
        locate(toy, "horse2zebra")


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_offline_says_where_to_put_the_file(by: str, monkeypatch: pytest.MonkeyPatch, package: Path) -> None:
    if by == "environment":
        monkeypatch.setenv("IMTRANS_OFFLINE", "1")
    toy = card(shipped(), published())
    path = cached_path(toy, toy.weights[1])
    with pytest.raises(WeightsError, match="told to stay offline") as caught:
        locate(toy, "horse2zebra", offline=by == "argument")
    assert "own" in caught.value.have
    assert str(path) in caught.value.hint
    assert "http://127.0.0.1:9/files/horse.pth" in caught.value.hint
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)  # by hand
    assert locate(toy, "horse2zebra", offline=True).path == path


def test_a_server_that_is_gone_says_the_same() -> None:
    toy = card(published())
    with pytest.raises(WeightsError, match="cannot be reached") as caught:
        locate(toy, "horse2zebra", patience=QUICK)
    assert str(cached_path(toy, toy.weights[0])) in caught.value.hint


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://h/a.safetensors?download=1", "horse2zebra.safetensors"),
        ("https://h/a.pt", "horse2zebra.pt"),
        ("https://h/a.exe", "horse2zebra.pth"),
        ("https://h/download", "horse2zebra.pth"),
    ],
)
def test_the_cached_file_keeps_a_known_ending(url: str, name: str) -> None:
    assert cached_path(card(), published(url)).name == name


# --- paths ----------------------------------------------------------------------------------------------------------


def test_paths_as_text_and_as_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(CONTENT)
    for source in (path, str(path)):
        found = locate(card(), source)
        assert (found.path, found.name, found.weights) == (path, "net.pth", None)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert locate(card(), "~/net.pth").path == path


def test_a_name_comes_before_a_file_of_that_name(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").write_bytes(b"a file")
    toy = card(shipped())
    assert locate(toy, "own").weights is not None
    assert locate(toy, "./own").path == Path("own")
    assert locate(toy, Path("own")).path == Path("own")


def test_one_network_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "run.pth"
    path.write_bytes(CONTENT)
    assert locate(card(), f"{path}#netG_A").network == "netG_A"
    odd = tmp_path / "odd#name.pth"
    odd.write_bytes(CONTENT)
    assert (locate(card(), str(odd)).path, locate(card(), str(odd)).network) == (odd, None)


@pytest.mark.parametrize("source", ["horse2zebre", "nothing.pth", "no/such/file.pth", "", "x#y", Path("horse2zebra")])
def test_what_is_neither_name_nor_file(source: str | Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownWeightsError, match=r"there (is|are) no weights") as caught:
        locate(card(shipped(), published()), source)
    assert "own, horse2zebra" in caught.value.have
    assert isinstance(caught.value, UsageError)
    assert caught.value.exit_status == 2
    if str(source).startswith("horse"):
        assert "Did you mean 'horse2zebra'?" in caught.value.have


@pytest.mark.parametrize("source", ["https://example.org/net.pth", "http://h/x", "file:///etc/passwd"])
def test_addresses_are_not_downloaded(source: str) -> None:
    with pytest.raises(WeightsError, match="is a web address") as caught:
        locate(card(), source)
    assert "Download it yourself" in caught.value.hint


def test_looking_for_weights_does_not_import_torch() -> None:
    code = "import sys, imtrans.weights.store; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_folder_of_a_run_stands_for_its_network(tmp_path: Path) -> None:
    """The newest checkpoint's running average; which one is meant, where there are several, is asked for."""
    place = tmp_path / "run" / "checkpoints" / "step-00000005"
    place.mkdir(parents=True)
    (tmp_path / "run" / "config.toml").touch()
    (place / "state.pt").touch()
    for name, direction, averaged in (("ab", "a2b", False), ("ab.ema", "a2b", True)):
        identity = {"model": "toy", "direction": direction, "averaged": averaged}
        save_file({"w": torch.ones(1)}, place / f"{name}.safetensors", {"imtrans": json.dumps(identity)})
    for folder in (tmp_path / "run", place):
        located = locate(card(), folder)
        assert located.path == place / "ab.ema.safetensors"
        assert located.name == f"{folder.name}/{located.path.relative_to(folder)}"
    save_file({"w": torch.ones(1)}, place / "ba.safetensors", {"imtrans": json.dumps({"direction": "b2a"})})
    with pytest.raises(WeightsError, match="2 networks that translate"):
        locate(card(), place)
    assert locate(card(), f"{place}#b2a").path == place / "ba.safetensors"
    with pytest.raises(WeightsError, match="no weights files"):
        locate(card(), tmp_path)
