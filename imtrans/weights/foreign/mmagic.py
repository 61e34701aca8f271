"""mmagic's keys, and those of mmgen before it -> the authors'.

mmagic (mmagic/models/editors/cyclegan, pix2pix) wraps each convolution with its normalisation and activation into one
``ConvModule``, whose keys end in ``.conv.weight`` and ``.bn.weight``. It counts modules where the authors count layers.

Its pictures are read as BGR (``LoadImageFromFile`` without ``channel_order``) and its configurations of these networks
turn them nowhere, so its networks take and give BGR; several published files say ``convert-bgr`` in their names. They
become networks for RGB by exchanging the channels of the first and of the last convolution, which changes nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor

TRUNK = 3
"""Place of the first residual block in mmagic; the authors' is 10."""
_BLOCK = re.compile(r"model\.(\d+)\.block\.(\d+)\.(conv|bn)\.(.+)")
_LAYER = re.compile(r"model\.(\d+)\.(conv|bn)\.(.+)")


def applies(keys: Iterable[str]) -> bool:
    """Whether these are keys of mmagic's residual generator or U-Net."""
    keys = set(keys)
    unet = "model.model.0.conv.weight" in keys and "model.model.1.model.0.conv.weight" in keys
    return unet or ("model.0.conv.weight" in keys and "model.1.conv.weight" in keys)


def convert(tensors: Mapping[str, Tensor], *, bgr: bool = True) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors by the authors' keys, for RGB, and notes on what was done.

    Args:
        tensors: one network's, for which :func:`applies`.
        bgr: whether the network takes and gives BGR; False leaves its channels as they are.
    """
    unet = "model.model.0.conv.weight" in tensors
    blocks = {int(match[1]) for key in tensors if (match := _BLOCK.match(key))}
    rename: Callable[[str], str] = _unet_key if unet else lambda key: _resnet_key(key, len(blocks), tensors)
    converted = {rename(key): tensor for key, tensor in tensors.items()}
    notes = ["took mmagic's keys for the authors'"]
    if not unet and blocks:
        notes.append("the padding of the residual blocks leaves no trace in mmagic's files; took mmagic's own, reflect")
    if bgr:
        ends = ("model.model.0", "model.model.3") if unet else ("model.1", f"model.{17 + len(blocks)}")
        if _exchange(converted, *ends, transposed=unet):
            notes.append("exchanged red and blue in the first and the last convolution, as mmagic's networks take BGR")
    return converted, tuple(notes)


# --- keys -----------------------------------------------------------------------------------------------------------


def _resnet_key(key: str, blocks: int, tensors: Mapping[str, Tensor]) -> str:
    """The authors' key of a residual generator's tensor; what is no such key stays, for the loading to name."""
    if match := _BLOCK.fullmatch(key):
        place, second, kind, name = int(match[1]), int(match[2]), match[3], match[4]
        dropout = f"model.{place}.block.2.conv.weight" in tensors
        conv = 1 if second == 0 else 6 if dropout else 5
        return f"model.{place - TRUNK + 10}.conv_block.{conv + (kind == 'bn')}.{name}"
    if match := _LAYER.fullmatch(key):
        place, kind, name = int(match[1]), match[2], match[3]
        # Three modules down, each three layers of the authors; then up, each three again, and a padding before the end.
        up = place - TRUNK - blocks
        authors = 3 * place + 1 if place < TRUNK else 10 + blocks + (3 * up if up < 2 else 7)
        return f"model.{authors + (kind == 'bn')}.{name}"
    return key


def _unet_key(key: str) -> str:
    """The authors' key of a U-Net's tensor.

    The outermost level is down, inner level, activation, up; those below begin with an activation and have
    normalisations; the innermost has no inner level.
    """
    levels = key.split(".model.")
    if levels[0] != "model" or not (match := re.fullmatch(r"(\d)\.(conv|bn)\.(.+)", levels[-1])):
        return key
    depth, place, norm = len(levels) - 2, int(match[1]), match[2] == "bn"
    # mmagic has the inner level at place 1 of each; the authors have it at 1 of the outermost and at 3 of the others.
    prefix = "model.model." + "".join("1.model." if level == 0 else "3.model." for level in range(depth))
    if depth == 0:
        return f"{prefix}{0 if place == 0 else 3}.{match[3]}"
    up = 5 if place == 2 else 3
    return f"{prefix}{(1 if place == 0 else up) + norm}.{match[3]}"


# --- channels -------------------------------------------------------------------------------------------------------


def _exchange(tensors: dict[str, Tensor], first: str, last: str, *, transposed: bool) -> bool:
    """Turn the three colours round at both ends, in place; False where an end has another number of channels."""
    axis = 1 if transposed else 0
    entering, leaving = tensors.get(f"{first}.weight"), tensors.get(f"{last}.weight")
    turned = False
    if entering is not None and entering.dim() == 4 and entering.shape[1] == 3:
        tensors[f"{first}.weight"], turned = entering.flip(1), True
    if leaving is not None and leaving.dim() == 4 and leaving.shape[axis] == 3:
        tensors[f"{last}.weight"], turned = leaving.flip(axis), True
        bias = tensors.get(f"{last}.bias")
        if isinstance(bias, torch.Tensor):
            tensors[f"{last}.bias"] = bias.flip(0)
    return turned
