"""What kind of file this is, by its first bytes; and for what is often found in a checkpoint's place, what it is."""

from __future__ import annotations

import enum
import string
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
    if not any(head):
        return "begins with zeros only, as an interrupted copy does", again
    return "begins like no format known here", "Formats known here: safetensors, and PyTorch's .pth and .pt."
