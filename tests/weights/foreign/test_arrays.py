"""Pickles of NumPy's arrays, honest and hostile; nothing in them is ever called."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imtrans.errors import UnsafeCheckpointError, WeightsError
from imtrans.weights import pickles
from imtrans.weights.foreign.arrays import STAND_INS, read_arrays


class Calls:
    """Pickles as a call of ``function(*args)``, and with a state where one is given."""

    def __init__(self, function: Any, *args: Any, state: Any = None) -> None:
        self.call = (function, args) if state is None else (function, args, state)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def read(content: bytes) -> dict[str, Any]:
    return read_arrays(io.BytesIO(content), "file")


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "b1"])
def test_arrays_come_back_in_every_protocol(protocol: int, kind: str) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(kind)
    content = OrderedDict(plain=array, turned=array.T, columns=np.asfortranarray(array), one=array[0, 0, 1], epoch=3)
    found = read(pickle.dumps({"net": content, "name": "run"}, protocol))["net"]
    assert found.pop("epoch") == 3
    for key, tensor in found.items():
        assert np.array_equal(tensor.numpy(), content[key])
        assert tensor.numpy().dtype == array.dtype


def test_empty_arrays_and_names_beside_numbers() -> None:
    found = read(pickle.dumps({"none": np.zeros((0, 3), "f4"), "w": Calls(tuple, ("conv_0.w_0", np.ones(2, "f4")))}))
    assert found["none"].shape == (0, 3)
    assert found["w"].tolist() == [1, 1]


def test_every_name_that_is_allowed_has_a_stand_in() -> None:
    assert {name.rpartition(".")[2] for name in pickles.NUMPY} == set(STAND_INS)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("function", [os.system, eval, exec, getattr, np.load, np.fromfile])
def test_what_would_run_is_named_and_not_run(tmp_path: Path, protocol: int, function: Any) -> None:
    mark = tmp_path / "executed"
    content = {"w": np.ones(3), "x": Calls(function, f"open({str(mark)!r}, 'w')")}
    with pytest.raises(UnsafeCheckpointError, match=function.__name__):
        read(pickle.dumps(content, protocol))
    assert not mark.exists()


def test_numpy_itself_is_never_called(monkeypatch: pytest.MonkeyPatch) -> None:
    content = pickle.dumps({"w": np.ones(3, "f4"), "s": np.float32(2)})
    monkeypatch.setattr(np._core.multiarray, "_reconstruct", None)
    monkeypatch.setattr(np._core.multiarray, "scalar", None)
    found = read(content)
    assert (found["w"].tolist(), found["s"].item()) == ([1, 1, 1], 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"w": np.array(["text"], dtype=object)}, "kind that no weights have"),
        ({"w": np.ones(2, ">f4")}, "kind that no weights have"),
        ({"w": np.ones(2, "c8")}, "kind that no weights have"),
        ({"w": np.array(["a"])}, "kind that no weights have"),
        ({"a": {"b": {"c": {"d": {"e": {"f": {"g": {}}}}}}}}, "nested too deep"),
        ({"w": {1, 2}}, "holds a set"),
    ],
)
def test_what_are_no_weights_are_refused(content: object, words: str) -> None:
    with pytest.raises(WeightsError, match=words) as caught:
        read(pickle.dumps(content, 4))
    assert not isinstance(caught.value, UnsafeCheckpointError) or "set" in words


def test_an_array_that_claims_another_size_is_refused() -> None:
    honest = pickle.dumps({"w": np.ones(3, "f4")}, 2)
    with pytest.raises(WeightsError, match="does not come with its numbers"):
        read(honest.replace(b"K\x03\x85", b"K\x7f\x85"))
    with pytest.raises(WeightsError, match="impossible shape"):
        read(honest.replace(b"K\x03\x85", b"J\xff\xff\xff\xff\x85"))


def test_one_thing_a_million_times_does_not_fill_memory() -> None:
    array = np.ones(50_000, "f4")
    with pytest.raises(WeightsError, match="more than the file does"):
        read(pickle.dumps({str(index): array for index in range(100)}))
    laughs: dict[str, Any] = {"ha": 1}
    for _ in range(5):
        laughs = {str(index): laughs for index in range(200)}
    with pytest.raises(WeightsError, match="more than the file does"):
        read(pickle.dumps(laughs))


def test_a_note_with_a_giant_number_is_refused_before_a_table_is_made() -> None:
    with pytest.raises(WeightsError, match="note numbered 4,294,967,295"):
        read(b"\x80\x02}r" + struct.pack("<I", 0xFFFFFFFF) + b".")


@pytest.mark.parametrize("state", [(None, {"make": 1}), {"make": 1}])
def test_stand_ins_cannot_be_changed_by_a_pickle(state: Any) -> None:
    before = dict(STAND_INS)
    # GLOBAL pushes the stand-in itself, and BUILD tries to write into it.
    source = b"\x80\x02cnumpy\nndarray\n" + pickle.dumps(state, 2)[2:-1] + b"b."
    with pytest.raises(WeightsError):
        read(source)
    assert dict(STAND_INS) == before
    assert read(pickle.dumps({"w": np.ones(1)}))["w"].item() == 1


def test_what_lies_outside_the_pickle_is_refused() -> None:
    for source in (b"\x80\x02Pkey\n.", b"\x80\x02K\x01Q.", b"\x80\x05\x97."):
        with pytest.raises(WeightsError):
            read(source)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_no_bytes_at_all_make_it_fail_otherwise(content: bytes) -> None:
    with contextlib.suppress(WeightsError):
        assert isinstance(read(b"\x80\x04" + content), dict)


@given(st.integers(0, 400), st.integers(0, 255))
@settings(deadline=None)
def test_neither_does_a_wrong_byte(place: int, byte: int) -> None:
    content = bytearray(pickle.dumps({"net": {"w": np.ones((2, 2), "f4"), "b": np.zeros(2, "f4")}}, 4))
    content[place % len(content)] = byte
    with contextlib.suppress(WeightsError):
        read(bytes(content))


def test_tensors_own_their_memory() -> None:
    (tensor,) = read(pickle.dumps({"w": np.ones(3, "f4")})).values()
    tensor += 1
    assert isinstance(tensor, torch.Tensor)
    assert tensor.tolist() == [2, 2, 2]
