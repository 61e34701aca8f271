"""Checkpoints in every format, and what is found in their place."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from imtrans.errors import UnsafeCheckpointError, WeightsError
from imtrans.weights.reader import read, read_all

FORMATS = ("torch", "torch-legacy")


def tensors() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "conv.weight": torch.randn(4, 3, 3, 3, generator=generator),
        "conv.bias": torch.randn(4, generator=generator).half(),
        "norm.num_batches_tracked": torch.tensor(7),
    }


def save_torch(path: Path, content: object, format: str, **settings: Any) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=format == "torch", **settings)
    return path


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(one[key], other[key]) and one[key].dtype == other[key].dtype for key in one
    )


class Runs:
    """Pickles as a call of ``function(*args)``."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


# --- what can be read -----------------------------------------------------------------------------------------------


def test_reads_safetensors_with_its_metadata(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(tensors(), path, metadata={"licence": "CC0-1.0"})
    found = read(path)
    assert same(found.tensors, tensors())
    assert (found.metadata, found.format, found.path) == ({"licence": "CC0-1.0"}, "safetensors", path)
    assert found.shapes["conv.weight"] == (4, 3, 3, 3)


@pytest.mark.parametrize("format", FORMATS)
def test_reads_both_formats_of_torch(tmp_path: Path, format: str) -> None:
    found = read(save_torch(tmp_path / "weights.pth", OrderedDict(tensors()), format))
    assert same(found.tensors, tensors())
    assert (found.format, found.metadata) == (format, {})


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pth", "weights", "weights.jpg"])
@pytest.mark.parametrize("format", ["safetensors", *FORMATS])
def test_goes_by_content_and_not_by_name(tmp_path: Path, format: str, name: str) -> None:
    path = tmp_path / name
    save_file(tensors(), path) if format == "safetensors" else save_torch(path, tensors(), format)
    assert read(path).format == format


@pytest.mark.parametrize("format", FORMATS)
def test_parameters_come_as_plain_tensors(tmp_path: Path, format: str) -> None:
    content = {"weight": nn.Parameter(torch.ones(2, 2))}
    (found,) = read(save_torch(tmp_path / "p.pth", content, format)).tensors.values()
    assert type(found) is Tensor
    assert not found.requires_grad


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("key", ["state_dict", "model", "params", "net", "netG"])
def test_unwraps_a_state_dict_beside_other_things(tmp_path: Path, format: str, key: str) -> None:
    momentum = {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 1e-4}]}
    content = {"epoch": 3, key: tensors(), "optimizer": momentum, "options": {"name": "run"}}
    found = read(save_torch(tmp_path / "run.pth", content, format))
    assert same(found.tensors, tensors())
    assert found.notes == (f"the tensors are under {key!r}",)


def test_views_and_strides_survive(tmp_path: Path) -> None:
    base = torch.arange(24.0).reshape(4, 6)
    found = read(save_torch(tmp_path / "v.pth", {"t": base.t(), "row": base[1]}, "torch"))
    assert torch.equal(found.tensors["t"], base.t())
    assert torch.equal(found.tensors["row"], base[1])


@pytest.mark.parametrize("format", FORMATS)
def test_tensors_that_were_saved_on_a_gpu_come_to_the_cpu(
    tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(torch.serialization, "location_tag", lambda _: "cuda:3")
        path = save_torch(tmp_path / "gpu.pth", tensors(), format)
    assert b"cuda:3" in path.read_bytes()
    assert same(read(path).tensors, tensors())


@pytest.mark.parametrize("format", FORMATS)
def test_a_pickle_of_a_later_protocol_is_refused_in_words(tmp_path: Path, format: str) -> None:
    path = save_torch(tmp_path / "later.pth", tensors(), format, pickle_protocol=4)
    with pytest.raises(WeightsError, match="protocol 4 or later"):
        read(path)


# --- code in the file -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("protocol", [2, 4])
def test_nothing_in_a_torch_file_is_executed(tmp_path: Path, format: str, protocol: int) -> None:
    mark = tmp_path / "executed"
    content = {"weight": torch.ones(2), "extra": Runs(os.mkdir, str(mark))}
    path = save_torch(tmp_path / "evil.pth", content, format, pickle_protocol=protocol)
    with pytest.raises(UnsafeCheckpointError) as caught:
        read(path)
    assert f"{os.mkdir.__module__}.mkdir" in caught.value.what
    assert not mark.exists()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("function", [eval, exec, os.system, getattr])
def test_a_bare_pickle_is_named_and_not_executed(tmp_path: Path, protocol: int, function: Any) -> None:
    mark = tmp_path / "executed"
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps(Runs(function, f"open({str(mark)!r}, 'w')"), protocol))
    with pytest.raises(UnsafeCheckpointError, match=function.__name__):
        read(path)
    assert not mark.exists()


def test_code_hidden_behind_the_magic_number_is_found(tmp_path: Path) -> None:
    path = save_torch(tmp_path / "evil.pth", tensors(), "torch-legacy")
    mark = tmp_path / "executed"
    honest = path.read_bytes()
    payload = pickle.dumps(Runs(os.mkdir, str(mark)), 2)
    magic_end = honest.index(b".") + 1
    path.write_bytes(honest[:magic_end] + payload + honest[magic_end:])
    with pytest.raises(UnsafeCheckpointError, match="mkdir"):
        read(path)
    assert not mark.exists()


@pytest.mark.parametrize("format", FORMATS)
def test_a_whole_module_is_refused_by_its_class(tmp_path: Path, format: str) -> None:
    with pytest.raises(UnsafeCheckpointError, match=r"torch\.nn\.modules\.linear\.Linear"):
        read(save_torch(tmp_path / "model.pth", nn.Linear(2, 2), format))


def test_what_other_packages_trust_is_not_trusted_here(tmp_path: Path) -> None:
    path = save_torch(tmp_path / "fraction.pth", {"w": torch.ones(1), "x": Runs(os.path.join, "a", "b")}, "torch")
    with torch.serialization.safe_globals([os.path.join]), pytest.raises(UnsafeCheckpointError, match="join"):
        read(path)


# --- files that are no checkpoints ----------------------------------------------------------------------------------


def tar_bytes() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("storages"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>", "web page"),
        (b"\xef\xbb\xbf  <HTML>moved</HTML>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 45\n", "Git LFS pointer"),
        (b"Not Found\n", "a text that begins 'Not Found'"),
        (tar_bytes(), "tar archive"),
        (b"\x89HDF\r\n\x1a\n" + bytes(600), "HDF5"),
        (b"\x1f\x8b\x08" + bytes(20), "compressed archive"),
        (bytes(1000), "zeros only"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "JPEG picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG picture"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(20), "WebP picture"),
        (b"GIF89a" + bytes(100), "GIF picture"),
        (b"%PDF-1.7\n" + bytes(range(100)), "PDF"),
        (b"\x93NUMPY\x01\x00v\x00" + bytes(100), "single array of NumPy"),
        (b"\x1c\x00\x00\x00TFL3" + bytes(100), "TensorFlow Lite"),
        (b"GGUF\x03" + bytes(100), "language model"),
        (b"\x08\x07\x12\x07pytorch\x1a\x052.1.0:" + bytes(100), "ONNX network"),
        (b'\x08\x01\x12\x9c\x02"' + bytes(100), "ONNX network"),
        (b'\x08\x01"\xa0\x04' + bytes(100), "SavedModel"),
        (b"\x0a\x32\x0a\x05input\x12\x0bPlaceholder" + bytes(100), "frozen graph"),
        (b"\xfe\xed\xfa\xcf" + bytes(100), "like no format known here"),
        (pickle.dumps({"w": [1.0, 2.0]}), "no tensors of a network"),
        (pickle.dumps([1.0, 2.0]), "not one that PyTorch or Paddle wrote"),
        (b"\x80", "cannot be read as a pickle of arrays"),
        (b"PK\x03\x04" + bytes(100), "cannot be read as a checkpoint"),
        (struct.pack("<Q", 1 << 60) + b'{"a":' + bytes(64), "cannot be read as a checkpoint"),
        (struct.pack("<Q", 2) + b"{}", "holds no tensors"),
    ],
)
def test_other_files_are_refused_in_words(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=words) as caught:
        read(path)
    assert str(path) in caught.value.what


@pytest.mark.parametrize("format", ["safetensors", *FORMATS])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.999])
def test_truncated_files_are_refused_in_words(tmp_path: Path, format: str, share: float) -> None:
    path = tmp_path / "weights"
    save_file(tensors(), path) if format == "safetensors" else save_torch(path, tensors(), format)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(WeightsError):
        read(path)


def test_a_zip_without_a_pickle_and_a_torchscript_program(tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(WeightsError, match=r"has no data\.pkl"):
        read(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", b"\x80\x02}.")
        archive.writestr("x/constants.pkl", b"\x80\x02}.")
    with pytest.raises(WeightsError, match="TorchScript"):
        read(path)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["w.npy", "b.npy"], r"arrays of NumPy's \(\.npz\)"),
        (["config.json", "metadata.json", "model.weights.h5"], "a network of Keras"),
        (["run/latest_net_G.pth", "run/opt.txt"], r"but run/latest_net_G\.pth"),
        (["notes.txt"], r"has no data\.pkl"),
    ],
)
def test_zip_archives_of_other_kinds_are_named(tmp_path: Path, names: list[str], words: str) -> None:
    path = tmp_path / "weights.pth"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"x" * 200)
    with pytest.raises(WeightsError, match=words):
        read(path)


def test_pickles_of_arrays_are_read_with_all_that_is_beside_them(tmp_path: Path) -> None:
    path = tmp_path / "epoch_3.pdparams"
    optimiser = {"conv_moment": np.zeros(4, "f4"), "LR_Scheduler": {"last_epoch": 3}}
    content = {"netG": {"w": np.ones((2, 2), "f4")}, "optimG": optimiser, "epoch": 3}
    path.write_bytes(pickle.dumps(content, 4))
    found = read_all(path)
    assert (list(found.networks), found.beside, found.format) == (["netG"], {"epoch": "3"}, "paddle")
    assert torch.equal(read(path).tensors["w"], torch.ones(2, 2))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(WeightsError, match="cannot be read as a pickle of arrays"):
        read(path)


def test_missing_files_folders_and_pipes(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weights file"):
        read(tmp_path / "nothing.pth")
    with pytest.raises(WeightsError, match="no name for a file"):
        read("a\0b")
    checkpoint = tmp_path / "checkpoints" / "step-00000010"
    checkpoint.mkdir(parents=True)
    (checkpoint / "generator_ab.safetensors").touch()
    with pytest.raises(WeightsError, match="is a folder") as caught:
        read(tmp_path)
    assert "checkpoints/step-00000010/generator_ab.safetensors" in caught.value.have
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WeightsError, match="not a regular file"):
        read(tmp_path / "pipe")


# --- files that claim too much --------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_one_number_posing_as_a_terabyte_is_refused(tmp_path: Path, format: str) -> None:
    path = save_torch(tmp_path / "huge.pth", {"w": torch.ones(1).expand(1 << 19, 1 << 19)}, format)
    with pytest.raises(WeightsError, match="claims to hold"):
        read(path)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", bytes(50_000_000))
    with pytest.raises(WeightsError, match="claims to hold"):
        read(path)


def test_a_safetensors_header_that_points_past_the_end_is_refused(tmp_path: Path) -> None:
    header = b'{"w":{"dtype":"F32","shape":[1073741824],"data_offsets":[0,4294967296]}}'
    path = tmp_path / "huge.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
    with pytest.raises(WeightsError, match="cannot be read as a checkpoint"):
        read(path)


@pytest.mark.parametrize("tensor", [torch.eye(3).to_sparse(), torch.empty(3, device="meta")])
def test_tensors_that_are_not_dense_are_refused(tmp_path: Path, tensor: Tensor) -> None:
    with pytest.raises(WeightsError):
        read(save_torch(tmp_path / "sparse.pth", {"w": tensor}, "torch"))
