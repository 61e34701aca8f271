"""The kinds of data sets by name and in words, for listings: without torch, unlike :mod:`imtrans.data.kinds`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

KindName = Literal["unpaired", "paired", "labels", "single", "classes"]
"""What a method says it learns from."""


@dataclass(frozen=True)
class KindWords:
    """What is said of one kind.

    Attributes:
        summary: what it is, as the end of a sentence.
        batch: what a batch holds.
    """

    summary: str
    batch: str


KIND_WORDS: Mapping[str, KindWords] = {
    "unpaired": KindWords("pictures of two domains without pairs", "A, B"),
    "paired": KindWords("pictures in pairs", "A, B"),
    "labels": KindWords("photos with label maps", "image, label, edges"),
    "single": KindWords("pictures of one kind", "image"),
    "classes": KindWords("pictures with their class", "image, labels"),
}
"""By name."""
