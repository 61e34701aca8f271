"""Any project's tensors -> tensors under the keys of the model's authors, as recognisers and networks know them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from imtrans.weights import layouts
from imtrans.weights.foreign import mmagic, paddle

Channels = Literal["auto", "rgb", "bgr"]
"""What a file's network takes and gives, where the project that wrote it does not settle it."""


@dataclass(frozen=True)
class Translated:
    """One network as its authors would have written it."""

    tensors: dict[str, Tensor]
    project: str
    """Whose layout it was in, or ``""`` where the keys are the authors' or nobody's that is known here."""
    notes: tuple[str, ...]
    """What was done to it, as sentences without a full stop."""


def to_authors(tensors: Mapping[str, Tensor], format: str, *, channels: Channels = "auto") -> Translated:
    """Take wrappers' prefixes off, and bring Paddle's and mmagic's layouts to the authors'.

    Args:
        tensors: one network's.
        format: of the file, see :class:`imtrans.weights.reader.Checkpoint`.
        channels: what mmagic's network takes: ``"bgr"``, as mmagic's own configurations have it, also for ``"auto"``.

    Raises:
        WeightsError: it holds what the authors' network has no place for.
    """
    bare, notes = layouts.strip_prefixes(tensors)
    project = ""
    if format == "paddle":
        project = "PaddleGAN"
        bare, more = paddle.convert(bare)
        notes += more
    if mmagic.applies(bare):
        project = "mmagic"
        bare, more = mmagic.convert(bare, bgr=channels != "rgb")
        notes += more
    elif any(re.fullmatch(r"model\.\d+\.filt", key) for key in bare):
        project = "CUT"
    return Translated(bare, project, notes)
