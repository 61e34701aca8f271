"""What a pickle would import, in every protocol and spelling."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from imtrans.errors import UnsafeCheckpointError, WeightsError
from imtrans.weights import pickles


@pytest.mark.parametrize("protocol", range(6))
def test_imports_are_named_in_every_protocol(protocol: int) -> None:
    stream = io.BytesIO(pickle.dumps([Fraction(1, 2), Fraction(1, 3)], protocol))
    assert "fractions.Fraction" in set(pickles.imports(stream))


def test_names_recalled_from_the_memo_are_resolved() -> None:
    # Pushes "os" and "system", memoises both, drops them, recalls them, and only then imports.
    source = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x9400h\x00h\x01\x93."
    assert list(pickles.imports(io.BytesIO(source))) == ["os.system"]


def test_a_name_that_is_only_computed_is_still_refused() -> None:
    with pytest.raises(UnsafeCheckpointError, match="only while it runs"):
        pickles.check(io.BytesIO(b"\x80\x04\x93."), "file")


def test_an_old_style_instance_and_an_extension_are_refused() -> None:
    for source, name in ((b"(ios\nsystem\n.", "os.system"), (b"\x80\x02\x82\x05.", "extension 5")):
        with pytest.raises(UnsafeCheckpointError, match=name):
            pickles.check(io.BytesIO(source), "file")


@pytest.mark.parametrize(
    "name",
    [
        "collections.OrderedDict",
        "torch._utils._rebuild_tensor_v2",
        "torch.FloatStorage",
        "torch.bfloat16",
        "torch.int8",
    ],
)
def test_what_tensors_need_is_harmless(name: str) -> None:
    assert pickles.is_harmless(name)


@pytest.mark.parametrize("name", ["os.system", "torch.load", "torch.hub.load", "builtins.eval", "torch.x.FloatStorage"])
def test_everything_else_is_not(name: str) -> None:
    assert not pickles.is_harmless(name)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float8_e4m3fn, torch.uint16, torch.complex64])
@pytest.mark.parametrize("zipped", [True, False])
def test_checkpoints_of_every_dtype_pass(dtype: torch.dtype, zipped: bool, tmp_path: object) -> None:
    buffer = io.BytesIO()
    torch.save(OrderedDict(w=torch.zeros(3, dtype=dtype), dtype=dtype), buffer, _use_new_zipfile_serialization=zipped)
    buffer.seek(0)
    if zipped:
        buffer = io.BytesIO(torch._C.PyTorchFileReader(buffer).get_record("data.pkl"))
    pickles.check(buffer, "file")


def test_a_pickle_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles, "MAX_OPCODES", 100)
    with pytest.raises(WeightsError, match="more than 100 steps"):
        pickles.check(io.BytesIO(b"\x80\x02" + b"N0" * 100 + b"N."), "file")


@given(st.binary(max_size=200))
def test_no_bytes_at_all_make_it_fail_otherwise(content: bytes) -> None:
    stream = io.BytesIO(b"\x80\x04" + content)
    assert all(isinstance(name, str) for name in pickles.imports(stream))
    stream.seek(0)
    assert pickles.is_torch_legacy(stream) in (True, False)
