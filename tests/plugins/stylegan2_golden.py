"""What NVIDIA's code gave, and the same networks in ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from golden.stylegan2_values import fill
from safetensors import safe_open
from torch import Tensor, nn

from imtrans_stylegan2.config import DiscriminatorConfig, GeneratorConfig, StyleGAN2Config
from imtrans_stylegan2.method import StyleGAN2

FOLDER = Path(__file__).parent / "golden"
CASES = ("plain", "classes", "narrow")


def golden(name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a golden file, and what it says of itself."""
    with safe_open(FOLDER / f"stylegan2-{name}.safetensors", "pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}, json.loads(file.metadata()["about"])  # noqa: SIM118


def expected(case: str) -> dict[str, Tensor]:
    """What NVIDIA's code gave for a case."""
    tensors, _ = golden("nvidia")
    return {key.removeprefix(f"{case}."): value for key, value in tensors.items() if key.startswith(f"{case}.")}


def method_of(case: str) -> StyleGAN2:
    """Our networks with the values that NVIDIA's had."""
    about = golden("nvidia")[1]["cases"][case]
    clamp = about["clamp"] or 0.0
    config = GeneratorConfig(
        resolution=64,
        channel_base=about["channel_base"],
        channel_max=about["channel_max"],
        z_dim=16,
        w_dim=12,
        c_dim=about["c_dim"],
        mapping_layers=about["num_layers"],
        conv_clamp=clamp,
    )
    method = StyleGAN2(StyleGAN2Config(config, DiscriminatorConfig(conv_clamp=clamp), r1_gamma=3.0))
    for network in (method.generator, method.discriminator):
        fill_by_keys(network)
    return method


def fill_by_keys(network: nn.Module) -> None:
    """The golden values."""
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    missing, unexpected = network.load_state_dict(fill(shapes), strict=False)
    assert not unexpected
    assert all(key.endswith("resample_filter") for key in missing)


def labels_of(method: StyleGAN2, count: int) -> Tensor | None:
    """Classes 0, 1, 2, 0, ..., where there are classes."""
    classes = method.config.generator.c_dim
    return torch.arange(count) % classes if classes else None
