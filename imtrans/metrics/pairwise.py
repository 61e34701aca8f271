"""One number for each pair of a result and its target: PSNR, SSIM, MS-SSIM, mean absolute difference.

Pictures are (N, 3, H, W), float from 0 to 1, and everything is computed in float64 from the 8-bit levels that a file
would hold. SSIM and MS-SSIM are torchmetrics', with the Gaussian window of 11 pixels and the constants of their paper.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Literal, cast

from torch import Tensor

from imtrans.errors import InputError, MissingExtraError

Channel = Literal["rgb", "y"]

SSIM_SIDE = 11
"""Pixels a side of SSIM's window, and so of the smallest picture."""

MS_SSIM_SIDE = 176
"""The window has to fit after four halvings, as torchmetrics counts: a sixteenth of the side is 11 or more."""

_STUDIO = (65.481, 128.553, 24.966)


def quantised(pictures: Tensor) -> Tensor:
    """The nearest of 256 levels, still from 0 to 1: what is left of a picture once it has been a file."""
    return (pictures * 255).round().clamp(0, 255) / 255


def looked_at(pictures: Tensor, *, border: int = 0, channel: Channel = "rgb") -> Tensor:
    """What a pairwise metric sees of pictures (N, 3, H, W): exact 8-bit levels, or equal pictures would not be equal.

    Args:
        pictures: from 0 to 1.
        border: pixels to leave out on every side, as papers on super-resolution do.
        channel: ``"rgb"``, or ``"y"`` for the luma of ITU-R BT.601 in studio range (16 to 235 of 255), which is what
            MATLAB's ``rgb2ycbcr`` gives and papers on super-resolution measure.

    Returns:
        (N, 3 or 1, H - 2 border, W - 2 border), float64 from 0 to 1.

    Raises:
        InputError: nothing is left within the border.
    """
    height, width = pictures.shape[-2:]
    if border and min(height, width) <= 2 * border:
        raise InputError(f"a border of {border} pixels leaves nothing of pictures of {width} x {height}.")
    pictures = quantised(pictures.double())[..., border : height - border, border : width - border]
    if channel == "rgb":
        return pictures
    weights = pictures.new_tensor(_STUDIO).view(1, 3, 1, 1) / 255
    return (pictures * weights).sum(1, keepdim=True) + 16 / 255


def psnr(results: Tensor, targets: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each picture, in dB, for a peak of 1: -10 log10 of the mean squared difference.

    Returns:
        (N,); infinity for a result that equals its target.
    """
    return -10 * (results - targets).square().mean((1, 2, 3)).log10()


def l1(results: Tensor, targets: Tensor) -> Tensor:
    """Mean absolute difference of each picture, from 0 to 1."""
    return (results - targets).abs().mean((1, 2, 3))


def ssim(results: Tensor, targets: Tensor) -> Tensor:
    """Structural similarity of each picture (Wang et al., 2004), 1 for equal ones.

    Raises:
        InputError: a picture is smaller than the window.
        MissingExtraError: torchmetrics is not installed.
    """
    _check_side(results, SSIM_SIDE, "SSIM")
    measure = _torchmetrics("structural_similarity_index_measure")
    return cast(Tensor, measure(results, targets, data_range=1.0, reduction="none")).reshape(-1)


def ms_ssim(results: Tensor, targets: Tensor) -> Tensor:
    """Structural similarity over five halvings of each picture (Wang, Simoncelli and Bovik, 2003).

    Raises:
        InputError: a picture is smaller than 176 pixels.
        MissingExtraError: torchmetrics is not installed.
    """
    _check_side(results, MS_SSIM_SIDE, "MS-SSIM")
    measure = _torchmetrics("multiscale_structural_similarity_index_measure")
    # Negative contrasts, which no exponent below 1 has an answer to, count as 0.
    return cast(Tensor, measure(results, targets, data_range=1.0, reduction="none", normalize="relu")).reshape(-1)


MEASURES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"psnr": psnr, "l1": l1, "ssim": ssim, "ms-ssim": ms_ssim}


def require_torchmetrics() -> None:
    """Find out before the first picture is read.

    Raises:
        MissingExtraError: torchmetrics is not installed.
    """
    _torchmetrics("structural_similarity_index_measure")


def _check_side(pictures: Tensor, least: int, name: str) -> None:
    height, width = pictures.shape[-2:]
    if min(height, width) < least:
        raise InputError(f"{name} needs pictures of at least {least} pixels a side, not {width} x {height}.")


def _torchmetrics(name: str) -> Callable[..., Any]:
    try:
        module = importlib.import_module("torchmetrics.functional.image")
    except ImportError as error:
        raise MissingExtraError(
            "SSIM and MS-SSIM are torchmetrics', and torchmetrics is not installed.",
            have="psnr, l1, fid, kid, cycle and domain work without it.",
            hint="pip install 'imtrans[evaluate]'",
        ) from error
    found = getattr(module, name, None)
    if found is None:
        raise MissingExtraError(f"the installed torchmetrics has no {name}.", hint="pip install 'torchmetrics>=1.4,<2'")
    return cast(Callable[..., Any], found)
