"""The way back from a picture to its styles, for networks that have some: a latent that draws the picture again.

Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", 2020, section 5 and appendix D: gradient descent
on the styles, from the average style, with noise on them that fades. The learning rate and the noise follow NVIDIA's
``projector.py``; unlike there, the noise of the layers stays the network's own, so that the latent alone is the
picture.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from imtrans import ops
from imtrans.data.pixels import to_tensor
from imtrans.errors import UsageError, WeightsError
from imtrans.infer.generator import Generator, check_seeds
from imtrans.infer.mixing import check_mixable
from imtrans.nn.latents import latents
from imtrans.weights.reader import read
from imtrans.weights.writer import save

Distance = Callable[[Tensor, Tensor], Tensor]
"""Of two batches of pictures in the card's value range; a scalar."""
Space = Literal["w", "w+"]

SAMPLED = 1000
"""Latents by whose styles the average style and their spread are known."""
LEARNING_RATE = 0.1
RAMP_UP, RAMP_DOWN = 0.05, 0.25
"""Shares of the steps in which the learning rate rises and falls."""
NOISE, NOISE_SHARE = 0.05, 0.75
"""Of the styles: its size in standard deviations at the start, and the share of the steps after which it is gone."""
KEY = "ws"
"""Of the styles in a latent's file."""


@dataclass(frozen=True)
class Progress:
    """A step on the way."""

    step: int
    distance: float
    ws: Tensor
    """The styles so far, float32 (1, num_ws, w_dim), on the CPU."""


def square(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The middle of a picture in the size that a network draws.

    Args:
        picture: of any size and mode.
        size: (width, height).
    """
    width, height = picture.size
    scale = min(width / size[0], height / size[1])
    across, down = size[0] * scale, size[1] * scale
    left, top = (width - across) / 2, (height - down) / 2
    box = (left, top, left + across, top + down)
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS, box=box)


def pixel_distance(x: Tensor, y: Tensor) -> Tensor:
    """Mean squared differences at full, half, quarter and eighth resolution, added: rough shape counts too."""
    total = (x - y).square().mean()
    for factor in (2, 4, 8):
        if min(x.shape[2:]) >= factor:
            total = total + (functional.avg_pool2d(x, factor) - functional.avg_pool2d(y, factor)).square().mean()
    return total


def project(
    generator: Generator,
    target: Image.Image,
    distance: Distance = pixel_distance,
    *,
    steps: int = 500,
    space: Space = "w+",
    label: int | None = None,
    seed: int = 0,
) -> Iterator[Progress]:
    """Find the styles whose picture comes closest to ``target``; the last item is the result.

    Args:
        generator: of a network that has styles; in fp32, for gradients.
        target: in the size that it draws (:func:`square`).
        distance: what is to be small.
        steps: of gradient descent.
        space: ``"w"`` for one style for all layers, which is typical of the network but seldom close to the picture;
            ``"w+"`` for one a layer.
        label: the class, for conditional networks.
        seed: of the noise on the styles.

    Raises:
        UsageError: the model has no styles or no such class, or the target has another size.
    """
    check_mixable(generator)
    if target.size != generator.size:
        raise UsageError(f"the target has {target.size} pixels, and the network draws {generator.size}.")
    check_seeds([seed])
    if steps < 1 or space not in ("w", "w+"):
        raise UsageError(f"a projection takes at least one step, in the space w or w+, not {steps} in {space!r}.")
    wanted = to_tensor(target, generator.card.value_range, generator.card.channels)[None].to(generator.device)
    average, spread = _styles_in_general(generator, label)
    found = (average if space == "w" else average.repeat(1, _styles(generator), 1)).requires_grad_()
    optimiser = torch.optim.Adam([found], betas=(0.9, 0.999))
    random = torch.Generator().manual_seed(seed)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * _ramp((step + 1) / steps)
        noise = spread * NOISE * max(0.0, 1 - step / steps / NOISE_SHARE) ** 2
        shaken = found + noise * torch.randn(found.shape, generator=random).to(found.device)
        loss = distance(_draw(generator, shaken), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        ws = found.detach().expand(1, _styles(generator), -1).float().cpu().clone()
        yield Progress(step + 1, float(loss.detach()), ws)


def _styles(generator: Generator) -> int:
    assert generator.styles is not None
    return generator.styles.num_ws


def _draw(generator: Generator, ws: Tensor) -> Tensor:
    assert generator.styles is not None
    with ops.use_backend(generator.backend):
        return generator.styles.synthesis(ws.expand(-1, _styles(generator), -1), noise_mode="const")


def _styles_in_general(generator: Generator, label: int | None) -> tuple[Tensor, float]:
    """The average style (1, 1, w_dim) on the network's device, and how far styles are from it."""
    z = latents(range(SAMPLED), generator.z_dim)
    labels = generator.labels(SAMPLED, label)
    ws = generator.map(z, labels, batch_size=256)[:, :1]
    average = ws.mean(0, keepdim=True)
    spread = math.sqrt(float((ws - average).square().sum()) / SAMPLED)
    return average.to(generator.device).clone(), spread


def _ramp(share: float) -> float:
    """Up in a straight line, down along a cosine."""
    down = min(1.0, (1 - share) / RAMP_DOWN)
    return (0.5 - 0.5 * math.cos(down * math.pi)) * min(1.0, share / RAMP_UP)


# --- latents in files -----------------------------------------------------------------------------------------------


def save_latent(path: Path, ws: Tensor, generator: Generator, about: dict[str, Any]) -> Path:
    """Write styles (1, num_ws, w_dim) as safetensors; the metadata say which model's they are, and ``about``."""
    record = {"model": generator.card.name, "weights": generator.weights, **about}
    return save(path, {KEY: ws}, {"latent": json.dumps(record)})


def load_latent(path: Path, generator: Generator) -> Tensor:
    """The styles in a file that :func:`save_latent` wrote, (1, num_ws, w_dim).

    Raises:
        WeightsError: it holds something else, or styles of another network.
    """
    checkpoint = read(path)
    ws = checkpoint.tensors.get(KEY)
    assert generator.styles is not None
    wanted = (1, generator.styles.num_ws, generator.styles.w_dim)
    if ws is None or tuple(ws.shape) != wanted:
        found = "no styles" if ws is None else f"styles {tuple(ws.shape)}"
        raise WeightsError(
            f"{path} holds {found}, and {generator.describe()} takes {wanted}.",
            hint=f"Make it with the same weights: imtrans project {generator.card.name} --input PICTURE",
        )
    return ws.float()
