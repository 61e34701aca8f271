"""What kind of file this is, by its first bytes; and for what is often found in a checkpoint's place, what it is."""

from __future__ import annotations

import enum
import string
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from imtrans.errors import WeightsError

HEAD = 512
"""Bytes that tell the kinds apart; a tar archive shows itself at byte 257."""


class Format(enum.Enum):
    """The formats that can be read."""

    SAFETENSORS = "safetensors"
    TORCH = "torch"
    LEGACY = "torch-legacy"
    PADDLE = "paddle"
    NVIDIA = "nvidia"


def sniff(file: BinaryIO, path: Path) -> Format:
    """The format of the open ``file``.

    Raises:
        WeightsError: none of ours; the message says what the file seems to be.
    """
    head = file.read(HEAD)
    if head.startswith(b"PK\x03\x04"):
        return Format.TORCH
    # Eight bytes for the length of the header, below 100 MB, and the header, which is JSON. It comes before pickles,
    # because a length may begin as they do.
    if head[4:9] == b"\0\0\0\0{":
        return Format.SAFETENSORS
    if head[:1] == b"\x80" and head[1:2] <= b"\x05":  # the PROTO opcode that every binary pickle begins with
        return Format.LEGACY
    if head[8:9] == b"{":
        return Format.SAFETENSORS
    what, hint = _impostor(head)
    raise WeightsError(f"{path} is not a checkpoint: it {what}.", hint=hint)


def is_html(head: bytes) -> bool:
    """Whether the bytes begin a web page, as servers send in place of a missing file."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return start.startswith((b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--"))


def _impostor(head: bytes) -> tuple[str, str]:
    """What a file of no known format seems to be, and what to do about it."""
    again = "Download the file itself again, and compare its size with what its authors say."
    if is_html(head):
        return "is a web page, such as a server sends in place of a file", again
    if head.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the file that it points at", "Run 'git lfs pull' in the clone it lies in."
    if head[257:262] == b"ustar":
        return (
            "is a tar archive",
            "If it is PyTorch's oldest format (before 0.1.10), load and save it once with PyTorch 1.x.",
        )
    if head.startswith(b"\x89HDF"):
        return "is an HDF5 file, as Keras writes", "Convert its tensors to safetensors first."
    if head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")):
        return "is a compressed archive", "Unpack it first."
    if all(byte in string.printable.encode() for byte in head):
        line = head.decode("ascii").strip().splitlines()
        return f"is a text that begins {(line[0] if line else '')[:60]!r}", again
    for is_it, what, hint in _OTHERS:
        if is_it(head):
            return what, hint
    if not any(head):
        return "begins with zeros only, as an interrupted copy does", again
    return (
        "begins like no format known here",
        "Formats known here: safetensors, PyTorch's .pth and .pt, and Paddle's .pdparams.",
    )


_TENSORFLOW = "Read its variables with TensorFlow and save them as safetensors."
_RUNTIME = "It is a network for a runtime, not weights to load; take the checkpoint that it was exported from."
_PICTURE = "Give it to imtrans run --input; for --weights take the checkpoint."
_OTHERS: tuple[tuple[Callable[[bytes], bool], str, str], ...] = (
    (lambda head: head.startswith(b"\xff\xd8\xff"), "is a JPEG picture", _PICTURE),
    (lambda head: head.startswith(b"\x89PNG"), "is a PNG picture", _PICTURE),
    (lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP", "is a WebP picture", _PICTURE),
    (lambda head: head.startswith((b"GIF87a", b"GIF89a")), "is a GIF picture", _PICTURE),
    (lambda head: head.startswith(b"%PDF"), "is a PDF", "Download the file itself again."),
    (lambda head: head.startswith(b"\x93NUMPY"), "is a single array of NumPy's", "Save all tensors as safetensors."),
    (lambda head: head[4:8] == b"TFL3", "is a TensorFlow Lite network", _RUNTIME),
    (lambda head: head.startswith(b"GGUF"), "is a GGUF file of a language model", "imtrans runs networks on pictures."),
    # Protocol buffers begin with a field's number and kind: the version of ONNX, then its producer or its graph ...
    (lambda head: head[:1] == b"\x08" and head[2:3] in (b"\x12", b"\x1a", b":"), "is an ONNX network", _RUNTIME),
    # ... the first node of TensorFlow's frozen graph, or the version of a SavedModel.
    (lambda head: head[:1] == b"\x08" and head[2:3] == b'"', "is a TensorFlow SavedModel", _TENSORFLOW),
    (lambda head: head[:1] == b"\n" and head[2:3] == b"\n", "is a frozen graph of TensorFlow's", _TENSORFLOW),
)
"""What is often found in a checkpoint's place: how to tell, what it is, what to do."""


def zip_without_pickle(names: Iterable[str]) -> tuple[str, str]:
    """What a zip archive seems to be that holds no checkpoint of PyTorch's, by the names in it, and what to do."""
    names = list(names)
    if names and all(name.endswith(".npy") for name in names):
        return "it holds arrays of NumPy's (.npz)", "Save them as safetensors, under the same names."
    if "model.weights.h5" in names:
        return "it is a network of Keras", "Save its weights as safetensors, by the keys of the model's authors."
    inside = [name for name in names if name.endswith((".pth", ".pt", ".safetensors", ".pdparams", ".ckpt"))]
    if inside:
        return f"it has no data.pkl inside, but {', '.join(inside[:3])}", "Unpack it first."
    return "it has no data.pkl inside", "Download the file itself again, and compare its size with the original's."
