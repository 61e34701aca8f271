"""The kinds of image that a translator takes, as one: a batch (N, 3, H, W) on its way in, the same kind on its way out.

===================  =======================================  =====================================
in                   meaning                                  out
===================  =======================================  =====================================
PIL image            any mode; EXIF orientation is applied    RGB, or RGBA where it has alpha
path                 a picture file                           as for a PIL image
numpy array          uint8 (H, W, 3) or (N, H, W, 3)          uint8, same layout
torch tensor         float (3, H, W) or (N, 3, H, W), 0..1    float32, same layout and device, 0..1
===================  =======================================  =====================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from imtrans.data.picture import Picture, picture_from_image, read_picture
from imtrans.errors import UsageError

ACCEPTED = (
    "Accepted are PIL images, paths of picture files, numpy arrays of uint8 shaped (H, W, 3) or (N, H, W, 3), torch "
    "tensors of floats from 0 to 1 shaped (3, H, W) or (N, 3, H, W), and lists of these."
)


@dataclass(frozen=True)
class Unpacked:
    """An image as the translator computes with it, and the way back to the kind that it came as.

    Attributes:
        batch: (N, 3, H, W), uint8 0..255 or float 0..1, RGB.
        pack: makes the caller's kind of image from the result (N, 3, H', W'), float32 0..1 on any device.
    """

    batch: Tensor
    pack: Callable[[Tensor], Any]


def unpack(image: Any) -> Unpacked:
    """Understand an image of any accepted kind.

    Raises:
        UsageError: its type, shape or value range is none of the accepted ones.
        InputError: a picture file cannot be read.
    """
    if isinstance(image, Image.Image):
        return _unpack_picture(picture_from_image(image))
    if isinstance(image, Picture):
        return _unpack_picture(image)
    if isinstance(image, str | Path):
        return _unpack_picture(read_picture(image))
    if isinstance(image, np.ndarray):
        return _unpack_array(image)
    if isinstance(image, Tensor):
        return _unpack_tensor(image)
    raise UsageError(f"a {type(image).__name__} is no image.", have=ACCEPTED)


def to_tensor(image: Image.Image) -> Tensor:
    """An RGB image as uint8 (1, 3, H, W), channels-last in memory."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).unsqueeze(0)


def to_array(batch: Tensor) -> np.ndarray:
    """Floats 0..1 (N, 3, H, W) as uint8 (N, H, W, 3), rounded to the nearest level."""
    levels = batch.mul(255).round_().clamp_(0, 255).to(torch.uint8)
    return np.ascontiguousarray(levels.permute(0, 2, 3, 1).cpu().numpy())


def picture_like(picture: Picture, result: Tensor) -> Picture:
    """The result (1, 3, H', W'), floats 0..1, with the alpha channel and the format of the picture it came from."""
    image = Image.fromarray(to_array(result)[0])
    alpha = picture.alpha
    if alpha is not None and alpha.size != image.size:
        alpha = alpha.resize(image.size, Image.Resampling.BICUBIC)
    return Picture(image, alpha, picture.format)


def _unpack_picture(picture: Picture) -> Unpacked:
    return Unpacked(to_tensor(picture.image), lambda result: picture_like(picture, result).merged())


def _unpack_array(array: np.ndarray) -> Unpacked:
    if array.dtype != np.uint8 or array.ndim not in (3, 4) or array.shape[-1] != 3 or 0 in array.shape:
        raise UsageError(f"a numpy array of {array.dtype} shaped {array.shape} is no image.", have=ACCEPTED)
    batch = torch.from_numpy(np.array(array, copy=True, ndmin=4)).permute(0, 3, 1, 2)
    return Unpacked(batch, lambda result: to_array(result)[0] if array.ndim == 3 else to_array(result))


def _unpack_tensor(tensor: Tensor) -> Unpacked:
    shape, kind = tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")
    if not tensor.is_floating_point() or tensor.ndim not in (3, 4) or shape[-3] != 3 or 0 in shape:
        raise UsageError(f"a torch tensor of {kind} shaped {shape} is no image.", have=ACCEPTED)
    low, high = (float(value) for value in torch.aminmax(tensor.detach()))
    if not (low >= -_TOLERANCE and high <= 1 + _TOLERANCE):
        raise UsageError(
            f"a tensor with values from {low:g} to {high:g} is no image.",
            have="Tensors hold values from 0 (black) to 1 (white), whatever range the network works in.",
            hint="Rescale it: (x + 1) / 2 for values from -1 to 1, x / 255 for values up to 255.",
        )
    batch = tensor.detach().float().reshape(-1, *shape[-3:])

    def pack(result: Tensor) -> Tensor:
        result = result.to(tensor.device).contiguous()
        return result[0] if tensor.ndim == 3 else result

    return Unpacked(batch, pack)


_TOLERANCE = 1e-3
"""How far resizing and half precision may push honest values out of 0..1."""
