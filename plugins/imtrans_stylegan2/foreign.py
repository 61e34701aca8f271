"""Checkpoints of other projects, brought to NVIDIA's keys.

All of them descend from the same TensorFlow files, whose kernels of up-sampling convolutions are turned by half a turn
on import, and whose styles' biases begin at 0 rather than 1; both has happened where a PyTorch file was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from imtrans.nn.latents import latents
from imtrans_stylegan2.layers import low_pass
from imtrans_stylegan2.mapping import MappingNetwork

Tensors = Mapping[str, Tensor]
Converted = tuple[Tensors, Mapping[str, Any], str]
"""Tensors by NVIDIA's keys, settings of the network that they tell besides, and a note for the user."""

AVERAGED = 4096
"""Latents whose mean style stands in for ``w_avg``, which rosinality and mmagic do not keep but compute like this."""


def convert(tensors: Tensors) -> Converted | None:
    """The generator in ``tensors`` by NVIDIA's keys, or None where it needs no conversion or is of nobody we know."""
    for converter in (_from_pickle, _from_rosinality, _from_mmagic):
        if (found := converter(tensors)) is not None:
            return found
    return None


# --- NVIDIA's pickles -----------------------------------------------------------------------------------------------

_SETTINGS = "init_kwargs."
_CLAMP = "init_kwargs.synthesis_kwargs.conv_clamp"


def _from_pickle(tensors: Tensors) -> Converted | None:
    """The keys are right already; the settings that stand among them tell of the clamping."""
    if not any(key.startswith(_SETTINGS) for key in tensors):
        return None
    bare = {key: tensor for key, tensor in tensors.items() if not key.startswith(_SETTINGS)}
    clamp = float(tensors[_CLAMP]) if _CLAMP in tensors else 0.0
    return bare, {"conv_clamp": clamp}, "read NVIDIA's pickle as plain records, without running what is in it"


# --- the layout of a list of layers ---------------------------------------------------------------------------------

Pattern = tuple[str, Callable[[re.Match[str]], str]]


def _layer(index: int) -> str:
    """The place of the n-th convolution: one at 4 pixels, two at each resolution above."""
    return "synthesis.b4.conv1" if index == 0 else f"synthesis.b{2 ** ((index + 5) // 2)}.conv{(index + 1) % 2}"


def _place(name: str, index: str | None) -> str:
    """``conv1`` and ``to_rgb1`` are at 4 pixels; ``convs`` and ``to_rgbs`` are counted from 8 pixels on."""
    if name.startswith("conv"):
        return _layer(0 if index is None else int(index) + 1)
    return f"synthesis.b{4 if index is None else 2 ** (int(index) + 3)}.torgb"


_PLACE = r"(conv1|to_rgb1|(?:convs|to_rgbs)(?=\.\d))(?:\.(\d+))?"


def _synthesis(inner: str, ours: str) -> Pattern:
    return rf"{_PLACE}\.{inner}", lambda found: f"{_place(found[1], found[2])}.{ours}"


_ROSINALITY: tuple[Pattern, ...] = (
    (r"style\.(\d+)\.(weight|bias)", lambda found: f"mapping.fc{int(found[1]) - 1}.{found[2]}"),
    (r"input\.input", lambda found: "synthesis.b4.const"),
    (r"noises\.noise_(\d+)", lambda found: f"{_layer(int(found[1]))}.noise_const"),
    _synthesis(r"conv\.weight", "weight"),
    _synthesis(r"conv\.modulation\.weight", "affine.weight"),
    _synthesis(r"conv\.modulation\.bias", "affine.bias"),
    _synthesis(r"noise\.weight", "noise_strength"),
    _synthesis(r"activate\.bias", "bias"),
    _synthesis("bias", "bias"),
)

_MMAGIC: tuple[Pattern, ...] = (
    (r"style_mapping\.(\d+)\.linear\.weight_orig", lambda found: f"mapping.fc{int(found[1]) - 1}.weight"),
    (r"style_mapping\.(\d+)\.bias", lambda found: f"mapping.fc{int(found[1]) - 1}.bias"),
    (r"constant_input\.input", lambda found: "synthesis.b4.const"),
    (r"injected_noise_(\d+)", lambda found: f"{_layer(int(found[1]))}.noise_const"),
    _synthesis(r"conv\.weight_orig", "weight"),
    _synthesis(r"conv\.style_modulation\.linear\.weight_orig", "affine.weight"),
    _synthesis(r"conv\.style_modulation\.bias", "affine.bias"),
    _synthesis(r"noise_injector\.weight", "noise_strength"),
    _synthesis(r"activate\.bias", "bias"),
    _synthesis("bias", "bias"),
)


def _from_rosinality(tensors: Tensors) -> Converted | None:
    if "conv1.conv.modulation.weight" not in tensors:
        return None
    return _renamed(tensors, _ROSINALITY), {}, "converted the keys of rosinality's StyleGAN2 to NVIDIA's"


def _from_mmagic(tensors: Tensors) -> Converted | None:
    for prefix in ("generator_ema.", "generator.", ""):
        own = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        if "conv1.conv.style_modulation.bias" in own and "style_mapping.1.bias" in own:
            which = f" ({prefix[:-1]})" if prefix else ""
            return _renamed(own, _MMAGIC), {}, f"converted the keys of mmagic's StyleGAN2{which} to NVIDIA's"
    return None


def _renamed(tensors: Tensors, patterns: tuple[Pattern, ...]) -> dict[str, Tensor]:
    """The tensors by NVIDIA's keys and in its shapes; what no pattern knows keeps its key, so that it is noticed."""
    renamed = dict(_each_renamed(tensors, patterns))
    renamed |= _filters(tensors, renamed)
    if "mapping.w_avg" not in renamed:
        renamed["mapping.w_avg"] = _average_style(renamed)
    return renamed


def _each_renamed(tensors: Tensors, patterns: tuple[Pattern, ...]) -> Iterator[tuple[str, Tensor]]:
    for key, tensor in tensors.items():
        if key.endswith(".kernel"):
            continue
        matches = ((name(found), tensor) for pattern, name in patterns if (found := re.fullmatch(pattern, key)))
        ours, tensor = next(matches, (key, tensor))
        yield ours, _reshaped(ours, tensor)


def _reshaped(key: str, tensor: Tensor) -> Tensor:
    """Without the dimensions of one that the others have."""
    rank = {"weight": 4, "const": 3, "noise_const": 2, "noise_strength": 0, "bias": 1}.get(key.rpartition(".")[2])
    if not key.startswith("synthesis.") or key.endswith("affine.weight") or rank is None:
        return tensor
    while tensor.dim() > rank and 1 in tensor.shape:
        tensor = tensor.squeeze(tensor.shape.index(1))
    return tensor


def _filters(tensors: Tensors, renamed: Tensors) -> dict[str, Tensor]:
    """The low-pass filter where NVIDIA's files have it."""
    kernel = next((tensor for key, tensor in tensors.items() if key.endswith(".kernel")), None)
    taps = low_pass() if kernel is None else kernel / kernel.sum()
    layers = {key.rpartition(".")[0] for key in renamed if key.endswith("noise_strength")}
    places = layers | {layer.rpartition(".")[0] for layer in layers}
    return {f"{place}.resample_filter": taps.clone() for place in sorted(places)}


def _average_style(tensors: Tensors) -> Tensor:
    """The mean style of the latents of :data:`AVERAGED` seeds."""
    prefix = "mapping."
    own = {key.removeprefix(prefix): tensor.float() for key, tensor in tensors.items() if key.startswith(prefix)}
    layers = sum(key.endswith(".weight") for key in own)
    first, last = own.get("fc0.weight"), own.get(f"fc{layers - 1}.weight")
    if first is None or last is None or first.dim() != 2:
        return torch.zeros(0)
    mapping = MappingNetwork(first.shape[1], 0, len(last), num_ws=1, layers=layers).eval()
    try:
        mapping.load_state_dict(own, strict=False)
    except RuntimeError:  # sizes that do not fit one another; whoever loads the network says which
        return torch.zeros(len(last))
    with torch.no_grad():
        average: Tensor = mapping(latents(range(AVERAGED), first.shape[1])).mean((0, 1))
    return average
