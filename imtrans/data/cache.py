"""Decoded pictures kept in memory, as 8-bit pixels at load size, shared by all processes that read.

Each place of a folder has a slot of its own in one anonymous memory map. Worker processes are forks of the one that
made it, so they see what any of them has stored, and the limit holds for all of them together. Which places have a slot
is settled at the start: a share of every folder when the limit is too small for all. Nothing is ever thrown out, for
training walks through a folder in rounds, where whatever was used last is needed latest.

Nobody locks. A slot is written pixels first and its checksum last; a reader that finds pixels and checksum at odds, in
the middle of a write or after a process was killed in one, decodes the file as if there were no slot.
"""

from __future__ import annotations

import mmap
import re
import struct
import zlib
from collections.abc import Mapping

from PIL import Image

from imtrans.errors import ConfigError

_HEADER = struct.Struct("<IHH")  # checksum, width, height
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}
_PIXEL_BYTES = {"L": 1, "RGB": 3, "I": 4}


def parse_bytes(text: str) -> int:
    """``"2GB"``, ``"500 MiB"``, ``"1.5G"`` or ``"0"`` in bytes.

    Raises:
        ValueError: it is no such number.
    """
    found = re.fullmatch(r"(\d+(?:\.\d*)?)\s*([KMG]I?)?B?", text.strip().upper())
    if found is None:
        raise ValueError(f"a size in memory (cache) is written like 2GB, 500MB or 0, not {text!r}")
    return round(float(found[1]) * _UNITS[found[2] or ""])


class Slots:
    """The slots of one folder.

    Args:
        arena: the memory.
        start: of the first slot in it.
        count: how many slots there are; places from there on have none.
        capacity: bytes of pixels that fit into one.
    """

    def __init__(self, arena: mmap.mmap, start: int, count: int, capacity: int) -> None:
        self._arena, self._start, self._count, self._capacity = arena, start, count, capacity

    def get(self, place: int, mode: str) -> Image.Image | None:
        """The image stored for ``place``, whose mode was ``mode``; None when there is none."""
        if place >= self._count:
            return None
        offset = self._offset(place)
        checksum, width, height = _HEADER.unpack_from(self._arena, offset)
        if not width * height:
            return None
        begin = offset + _HEADER.size
        pixels = self._arena[begin : begin + min(width * height * _PIXEL_BYTES[mode], self._capacity)]
        return Image.frombytes(mode, (width, height), pixels) if zlib.crc32(pixels) == checksum else None

    def put(self, place: int, image: Image.Image) -> None:
        """Keep an image of mode L, RGB or I for ``place``, if there is a slot and it fits."""
        pixels = image.tobytes()
        if place >= self._count or len(pixels) > self._capacity or max(image.size) > 0xFFFF:
            return
        offset = self._offset(place)
        begin = offset + _HEADER.size
        self._arena[begin : begin + len(pixels)] = pixels
        _HEADER.pack_into(self._arena, offset, zlib.crc32(pixels), *image.size)

    def _offset(self, place: int) -> int:
        return self._start + place * (_HEADER.size + self._capacity)

    def __reduce__(self) -> tuple[object, ...]:
        # Memory cannot be sent to a process that is no fork; it gets a map without a slot and decodes every time.
        return _no_slots, ()


def _no_slots() -> Slots:
    return Slots(mmap.mmap(-1, 1), 0, 0, 0)


def share_memory(limit: int, folders: Mapping[str, tuple[int, Image.Image]]) -> dict[str, Slots]:
    """Slots for folders by name, in not more than ``limit`` bytes together.

    Args:
        limit: bytes.
        folders: how many places a folder has, and one of its images at load size. Slots are as large as that one;
            images that come out larger are not kept.

    Raises:
        ConfigError: the system does not give that much.
    """
    capacity = {name: image.width * image.height * _PIXEL_BYTES[image.mode] for name, (_, image) in folders.items()}
    slot = {name: _HEADER.size + size for name, size in capacity.items()}
    needed = sum(count * slot[name] for name, (count, _) in folders.items())
    share = min(1.0, limit / needed)
    counts = {name: int(count * share) for name, (count, _) in folders.items()}
    size = sum(counts[name] * slot[name] for name in folders)
    try:
        arena = mmap.mmap(-1, max(size, 1))
    except (OSError, ValueError, OverflowError) as error:
        raise ConfigError(
            f"there is no memory of {size / 1e9:.1f} GB for decoded pictures.",
            have=f"train.cache allows {limit / 1e9:.1f} GB, and all pictures take {needed / 1e9:.1f} GB.",
            hint="Type a smaller one, such as --set train.cache=1GB, or 0 for none.",
        ) from error
    slots: dict[str, Slots] = {}
    start = 0
    for name, count in counts.items():
        slots[name] = Slots(arena, start, count, capacity[name])
        start += count * slot[name]
    return slots
