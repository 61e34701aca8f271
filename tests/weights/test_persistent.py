"""NVIDIA's pickles of networks are read as records, and nothing in them runs."""

from __future__ import annotations

import collections
import io
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from imtrans.errors import UnsafeCheckpointError, WeightsError
from imtrans.weights import persistent
from imtrans.weights.reader import read

RAN: list[str] = []


class Persistent:
    """Pickles as ``torch_utils.persistence`` does: a call with the class's source, its name and its state."""

    def __init__(self, state: Any, source: str = "raise AssertionError('this must never run')") -> None:
        self.about = {"type": "class", "version": 6, "module_src": source, "class_name": "Generator", "state": state}

    def __reduce__(self) -> Any:
        return sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (self.about,)


def module(**tensors: torch.Tensor) -> dict[str, Any]:
    """The ``__dict__`` of a module with these parameters."""
    parameters = collections.OrderedDict((name, nn.Parameter(value)) for name, value in tensors.items())
    return {"_parameters": parameters, "_buffers": collections.OrderedDict(), "_modules": collections.OrderedDict()}


@pytest.fixture(autouse=True)
def _authors_module(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The module that a pickle names, which would run what it holds, and which must not be looked up."""

    def _reconstruct_persistent_obj(about: object) -> None:
        RAN.append("reconstruct")

    package, inner = ModuleType("torch_utils"), ModuleType("torch_utils.persistence")
    _reconstruct_persistent_obj.__module__ = inner.__name__
    _reconstruct_persistent_obj.__qualname__ = "_reconstruct_persistent_obj"
    inner._reconstruct_persistent_obj = _reconstruct_persistent_obj  # type: ignore[attr-defined]
    package.persistence = inner  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch_utils", package)
    monkeypatch.setitem(sys.modules, "torch_utils.persistence", inner)
    RAN.clear()
    yield
    assert not RAN


def write(path: Path, data: object, protocol: int = 4) -> Path:
    """A pickle of ``data``."""
    path.write_bytes(pickle.dumps(data, protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_tensors_are_found_by_their_places(protocol: int, tmp_path: Path) -> None:
    """Parameters and buffers of modules in modules, in every protocol; shared storages and views too."""
    inner = module(weight=torch.arange(6.0).reshape(2, 3).t())
    outer = module(bias=torch.ones(2).half())
    outer["_modules"]["fc0"] = Persistent(inner)
    outer["_buffers"]["average"] = torch.tensor([3, 4])
    outer["_init_kwargs"] = {"z_dim": 4, "name": "x", "synthesis_kwargs": {"conv_clamp": 256}}
    networks = persistent.load(write(tmp_path / "x.pkl", {"G_ema": Persistent(outer), "config": {"a": 1}}, protocol))
    assert networks is not None
    found = networks["G_ema"]
    assert {key: value.tolist() for key, value in found.items()} == {
        "bias": [1.0, 1.0],
        "average": [3, 4],
        "fc0.weight": [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]],
        "init_kwargs.z_dim": 4.0,
        "init_kwargs.synthesis_kwargs.conv_clamp": 256.0,
    }
    assert found["bias"].dtype == torch.float16


def test_average_is_preferred_and_others_go_by_name(tmp_path: Path) -> None:
    """``G_ema`` where nothing is said, ``#D`` where it is asked for."""
    data = {
        name: Persistent(module(weight=torch.full((2,), float(number))))
        for number, name in enumerate(("G", "D", "G_ema"))
    }
    path = write(tmp_path / "x.pkl", data)
    assert read(path).tensors["weight"].tolist() == [2, 2]
    assert read(path, "D").tensors["weight"].tolist() == [1, 1]


class _Runs:
    """Would run a command on being read."""

    def __init__(self, what: Any, *arguments: object) -> None:
        self.call = (what, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    ("hostile", "name"),
    [
        (_Runs(os.system, "touch ran"), "system"),
        (_Runs(eval, "print()"), "builtins.eval"),
        (_Runs(getattr, {}, "x"), "builtins.getattr"),
        (_Runs(torch.load, "x"), "torch.serialization.load"),
    ],
)
def test_commands_are_refused_by_name(
    hostile: object, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever in the pickle they stand, and before anything of it is built."""
    monkeypatch.chdir(tmp_path)
    for data in ({"G": Persistent(module(weight=torch.ones(1))), "x": hostile}, Persistent({"x": hostile})):
        path = write(tmp_path / "x.pkl", data)
        with pytest.raises(UnsafeCheckpointError, match=name):
            read(path)
    assert not (tmp_path / "ran").exists()


def test_commands_inside_a_tensor_are_refused(tmp_path: Path) -> None:
    """A tensor's numbers are a pickle of their own, which gets the same look."""
    inner = io.BytesIO()
    torch.save(_Runs(os.system, "touch ran"), inner, _use_new_zipfile_serialization=False)
    load = torch.storage._load_from_bytes
    path = write(tmp_path / "x.pkl", Persistent({"x": _Runs(load, inner.getvalue())}))
    with pytest.raises(UnsafeCheckpointError, match="system"):
        read(path)


def test_other_pickles_are_left_to_others(tmp_path: Path) -> None:
    """Only the import of ``_reconstruct_persistent_obj`` makes a pickle one of these."""
    assert persistent.load(write(tmp_path / "x.pkl", {"a": 1})) is None


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_cut_files_are_refused_in_words(keep: float, tmp_path: Path) -> None:
    """As an interrupted download leaves them."""
    path = write(tmp_path / "x.pkl", {"G": Persistent(module(weight=torch.rand(300)))})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(WeightsError, match=r"cannot be read|not one that PyTorch wrote"):
        read(path)


def test_odd_contents_are_refused_in_words(tmp_path: Path) -> None:
    """No tensors, no modules, modules without end, and states of another kind."""
    endless = module()
    for _ in range(40):
        outer = module()
        outer["_modules"]["x"] = Persistent(endless)
        endless = outer
    for data, words in (
        (Persistent(module()), "no network"),
        (Persistent([]), "no network"),
        (Persistent(endless), "deep"),
    ):
        with pytest.raises(WeightsError, match=words):
            read(write(tmp_path / "x.pkl", {"G": data}))


def test_what_a_pickle_builds_cannot_be_changed_by_it() -> None:
    """The classes in the table are sealed."""
    with pytest.raises(AttributeError, match="fixed"):
        persistent.Module.state = 1  # type: ignore[misc,assignment]
