"""Paddle's names and habits -> PyTorch's.

PaddleGAN (ppgan/models/generators) builds the authors' networks layer by layer, so places keep their numbers. What
differs is Paddle itself: the averages of a batch norm are called ``_mean`` and ``_variance``, a linear layer keeps its
weight as (in, out), and an instance norm has a ``scale`` and a ``bias`` even where, as in PaddleGAN, they are frozen at
1 and 0.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from imtrans.errors import WeightsError

STATISTICS = {"_mean": "running_mean", "_variance": "running_var"}


def convert(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors by PyTorch's names, and notes on what was done.

    Args:
        tensors: one network's, as PaddleGAN saves it.

    Raises:
        WeightsError: an instance norm learned a scale or a bias, for which the authors' networks have no place.
    """
    frozen = _instance_norms(tensors)
    _check_frozen(tensors, frozen)
    converted: dict[str, Tensor] = {}
    linear = 0
    for key, tensor in tensors.items():
        layer, _, name = key.rpartition(".")
        if layer in frozen and name in ("scale", "bias"):
            continue
        if name == "weight" and tensor.dim() == 2:
            tensor, linear = tensor.t().contiguous(), linear + 1
        converted[f"{layer}.{STATISTICS.get(name, name)}" if layer else key] = tensor
    notes = []
    if frozen:
        notes.append(f"dropped the scales and biases of {len(frozen)} instance norms, which are all 1 and 0 (Paddle)")
    if any(key.endswith("._mean") for key in tensors):
        notes.append(
            "PaddleGAN's batch norms go by the picture and its dropout is off: run it with --norm train "
            "--no-sample-noise"
        )
    if linear:
        notes.append(f"turned the weights of {linear} linear layers round, which Paddle keeps as (in, out)")
    return converted, tuple(notes)


def _instance_norms(tensors: Mapping[str, Tensor]) -> set[str]:
    """Layers with a ``scale`` and a ``bias`` of one number a channel and without a weight."""
    layers = {key.removesuffix(".scale") for key in tensors if key.endswith(".scale")}
    return {
        layer
        for layer in layers
        if f"{layer}.weight" not in tensors and f"{layer}.bias" in tensors and tensors[f"{layer}.scale"].dim() == 1
    }


def _check_frozen(tensors: Mapping[str, Tensor], layers: set[str]) -> None:
    learned = [
        layer
        for layer in sorted(layers)
        if not (tensors[f"{layer}.scale"] == 1).all() or not (tensors[f"{layer}.bias"] == 0).all()
    ]
    if learned:
        raise WeightsError(
            f"{len(learned)} instance norms have learned a scale or a bias ({', '.join(learned[:3])}), "
            "for which the network of the model's authors has no place.",
            have="PaddleGAN freezes them at 1 and 0; this file comes from a changed training.",
            hint="It cannot be converted without changing its pictures.",
        )
