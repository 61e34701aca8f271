"""The way from picture to picture: one frame after another, and back to the first."""

from __future__ import annotations

from typing import Literal

import torch

from imtrans.errors import UsageError
from imtrans.infer.generator import Drawing, Generator, Sampling
from imtrans.nn.latents import latents, slerp

Space = Literal["auto", "z", "w"]


def walk(
    generator: Generator,
    seeds: list[int],
    label: int | None,
    sampling: Sampling,
    *,
    frames: int,
    space: Space = "auto",
    batch_size: int,
) -> Drawing:
    """The drawings of a loop through the seeds.

    The noise of all frames is that of the first seed; it would flicker otherwise.

    Args:
        generator: what draws.
        seeds: two or more, from each of which the way leads to the next, and from the last to the first.
        label: class of all frames.
        sampling: truncation and noise.
        frames: from each seed to the next.
        space: ``"z"`` takes great circles between latents, ``"w"`` straight lines between styles; ``"auto"`` is w where
            there are styles.
        batch_size: latents that are mapped at once.

    Raises:
        UsageError: fewer than two seeds, no frames, no such space, or the model has no styles.
    """
    _check(generator, seeds, frames, space)
    ends = generator.draw(seeds, label, sampling, batch_size=batch_size)
    in_styles = generator.styles is not None and space != "z"
    points = ends.codes if in_styles else latents(seeds, generator.z_dim)
    between = torch.lerp if in_styles else slerp
    path = torch.stack(
        [
            between(points[place], points[(place + 1) % len(seeds)], frame / frames)
            for place in range(len(seeds))
            for frame in range(frames)
        ]
    )
    labels = None if ends.labels is None else ends.labels[:1].expand(len(path))
    if generator.styles is not None and not in_styles:
        path = generator.map(path, labels, sampling, batch_size=batch_size)
    return Drawing(path, labels, (seeds[0],) * len(path))


def _check(generator: Generator, seeds: list[int], frames: int, space: str) -> None:
    if len(seeds) < 2:
        raise UsageError(
            "an interpolation leads from seed to seed, and there is only one.", hint="Type for example --seeds 0-5."
        )
    if frames < 1:
        raise UsageError(f"{frames} frames from a seed to the next are none; there is at least 1.")
    if space not in ("auto", "z", "w"):
        raise UsageError(f"there is no space {space!r}.", have="There are z (latents) and w (styles).")
    if space == "w" and generator.styles is None:
        raise UsageError(
            f"the model {generator.card.name!r} has no styles (w): it makes pictures of latents directly.",
            hint="Type --space z.",
        )
