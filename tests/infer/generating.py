"""Toy networks that generate: a plain one, a conditional one, and one with styles whose pictures can be computed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from imtrans.card import Card, Ref


@dataclass(frozen=True)
class Config:
    """What the toys are set to."""

    classes: int = 0
    """Classes of the plain network."""
    styles: bool = False
    """Separate styles from synthesis."""


class Plain(nn.Module):
    """A grey picture whose shades are the first four latents, and in the corner the class."""

    z_dim = 5
    output_size = (4, 8)

    def __init__(self, classes: int = 0) -> None:
        super().__init__()
        self.classes = classes
        self.gain = nn.Parameter(torch.full((1,), 0.2))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        picture = (self.gain * z[:, :4])[:, None, :, None].repeat(1, 1, 1, 8)
        if self.classes:
            assert labels is not None
            picture[:, 0, 0, 0] = labels.to(picture) / self.classes
        return picture


class Styled(nn.Module):
    """A colour picture, a column a layer: red is the style's mean, green the noise, blue the layer."""

    z_dim, classes, num_ws, w_dim = 16, 0, 10, 3
    output_size = (4, 10)
    noise_shapes = ((4, 10),)

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.full((1,), 0.2))
        self.register_buffer("w_avg", torch.full((3,), 0.1))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.synthesis(self.mapping(z, labels))

    def mapping(
        self, z: Tensor, labels: Tensor | None, truncation_psi: float = 1.0, truncation_cutoff: int | None = None
    ) -> Tensor:
        w = (self.gain * z[:, :3]).tanh()[:, None].repeat(1, self.num_ws, 1)
        truncated = self.w_avg + truncation_psi * (w - self.w_avg)
        cutoff = self.num_ws if truncation_cutoff is None else truncation_cutoff
        return torch.cat([truncated[:, :cutoff], w[:, cutoff:]], 1)

    def synthesis(self, ws: Tensor, noise_mode: str = "const", noise: list[Tensor] | None = None) -> Tensor:
        red = ws.mean(-1)[:, None, :].repeat(1, 4, 1)
        green = torch.zeros_like(red)
        if noise_mode == "random":
            assert noise is not None
            green = 0.1 * noise[0][:, 0]
        elif noise_mode == "const":
            green = green + 0.5
        blue = torch.linspace(-1, 1, self.num_ws).expand_as(red)
        return torch.stack([red, green, blue], 1)


def build(config: Config) -> nn.Module:
    return Styled() if config.styles else Plain(config.classes)


def recognise(shapes: dict[str, tuple[int, ...]]) -> Config | None:
    if set(shapes) == {"gain", "w_avg"}:
        return Config(styles=True)
    return Config() if set(shapes) == {"gain"} else None


CARD = Card(
    name="plain",
    summary="draws stripes",
    network_config=Ref(f"{__name__}:Config"),
    build=Ref(f"{__name__}:build"),
    recognise=Ref(f"{__name__}:recognise"),
    task="generate",
)
STYLED = replace(CARD, name="styled")
