"""Differentiable augmentation: whatever the discriminator sees is augmented, and the generator learns through it.

Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", 2020, equations 4 and 5::

    discriminator: f(-D(T(x))) + f(D(T(G(z))))        generator: f(-D(T(G(z))))

with T drawn anew each time. Augmenting the data alone would teach the generator to make augmented pictures; augmenting
both sides in both updates leaves the discriminator nothing of a small data set to learn by heart.

Every T is differentiable to any order, so penalties on gradients go through it. Its random numbers come from torch's
global generator on the CPU (or one that is given): the same ones on every device, and part of a run's checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from imtrans.errors import UsageError, did_you_mean
from imtrans.train.losses.precision import widen

POLICY = "color,translation,cutout"
"""The authors' policy for few pictures (100 to 1000); "translation,cutout" where colours matter."""

Random = torch.Generator


def diff_augment(pictures: Tensor, policy: str = POLICY, generator: Random | None = None) -> Tensor:
    """Augment each picture by itself, as the policy says.

    * ``color``: brightness by U(-0.5, 0.5), saturation times U(0, 2), contrast times U(0.5, 1.5).
    * ``translation``: by up to 1/8 of the sides, with black (0) where nothing was.
    * ``cutout``: a square of half the sides, around a random place, set to 0.

    Args:
        pictures: (N, C, H, W), from -1 to 1; colours may leave that range.
        policy: names with commas between them, applied in their order; ``""`` for none.
        generator: of random numbers, on the CPU; None for torch's global one.

    Returns:
        Pictures of the same shape, type and layout.

    Raises:
        UsageError: a name that does not exist, or a tensor of another shape.
    """
    steps = [step for name in _parse(policy) for step in _STEPS[name]]
    if pictures.dim() != 4:
        raise UsageError(f"diff_augment takes pictures (N, C, H, W), not a tensor of shape {tuple(pictures.shape)}.")
    augmented = widen(pictures)
    for step in steps if len(pictures) else ():
        augmented = step(augmented, generator)
    return augmented.to(pictures.dtype)


def check_policy(policy: str) -> None:
    """For configurations: refuse a policy that :func:`diff_augment` would.

    Raises:
        UsageError: names what does not exist.
    """
    _parse(policy)


def _parse(policy: str) -> list[str]:
    names = [name.strip() for name in policy.split(",")] if policy.strip() else []
    for name in names:
        if name not in _STEPS:
            raise UsageError(
                f"there is no differentiable augmentation called {name!r}.",
                have=f"Augmentations: {', '.join(_STEPS)}. {did_you_mean(name, _STEPS)}".strip(),
                hint=f"Write names with commas between them, such as {POLICY!r}.",
            )
    return names


def _uniform(x: Tensor, low: float, high: float, generator: Random | None) -> Tensor:
    """One number from U(low, high) for each picture, shaped to be multiplied with them."""
    drawn = torch.rand(len(x), generator=generator) * (high - low) + low
    return drawn.to(x.device, x.dtype).view(-1, 1, 1, 1)


def _integers(x: Tensor, low: int, high: int, generator: Random | None) -> Tensor:
    """One integer from low to high, both included, for each picture; on the CPU."""
    return torch.randint(low, high + 1, (len(x),), generator=generator)


def _brightness(x: Tensor, generator: Random | None) -> Tensor:
    return x + _uniform(x, -0.5, 0.5, generator)


def _saturation(x: Tensor, generator: Random | None) -> Tensor:
    grey = x.mean(1, keepdim=True)
    return (x - grey) * _uniform(x, 0, 2, generator) + grey


def _contrast(x: Tensor, generator: Random | None) -> Tensor:
    mean = x.mean((1, 2, 3), keepdim=True)
    return (x - mean) * _uniform(x, 0.5, 1.5, generator) + mean


def _translation(x: Tensor, generator: Random | None) -> Tensor:
    """Padding by a negative number crops, so one pad moves a picture."""
    down, right = (_shifts(x, side, generator) for side in x.shape[2:])
    moved = [functional.pad(one, (dx, -dx, dy, -dy)) for one, dy, dx in zip(x.split(1), down, right, strict=True)]
    return torch.cat(moved)


def _shifts(x: Tensor, side: int, generator: Random | None) -> list[int]:
    room = _part(side, 1 / 8)
    return _integers(x, -room, room, generator).tolist()


def _cutout(x: Tensor, generator: Random | None) -> Tensor:
    """The square's centre is anywhere in the picture, so part of it may lie outside."""
    inside = [_in_hole(x, side, generator) for side in x.shape[2:]]
    hole = inside[0].view(len(x), 1, -1, 1) & inside[1].view(len(x), 1, 1, -1)
    return x * (~hole).to(x.dtype)


def _in_hole(x: Tensor, side: int, generator: Random | None) -> Tensor:
    """Which rows (or columns) of each picture the hole covers, (N, side)."""
    size = _part(side, 1 / 2)
    # An even hole has its centre between two pixels, and so one place more to be at.
    first = _integers(x, 0, side - size % 2, generator).to(x.device).view(-1, 1) - size // 2
    place = torch.arange(side, device=x.device)
    return (place >= first) & (place < first + size)


def _part(side: int, ratio: float) -> int:
    return int(side * ratio + 0.5)


_STEPS: dict[str, tuple[Callable[[Tensor, Random | None], Tensor], ...]] = {
    "color": (_brightness, _saturation, _contrast),
    "translation": (_translation,),
    "cutout": (_cutout,),
}
