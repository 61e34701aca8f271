"""How a trained network's normalisation and dropout layers run: as in training, or as a fixed function.

Most networks run in ``eval`` mode: batch norms use the averages that they gathered in training, and dropout does
nothing. The authors of pix2pix run theirs as it was trained (Isola et al., 2017, section 3.3): batch norms use the
statistics of the picture at hand, and dropout is the only noise that the result is drawn from.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

NormMode = Literal["eval", "train"]


def set_inference_mode(network: nn.Module, norm: NormMode, *, noise: bool | None = None) -> None:
    """Make ``network`` ready to run. What it computes never changes its buffers.

    Args:
        network: any module.
        norm: ``"eval"`` takes the averages gathered in training, ``"train"`` the statistics of the batch at hand.
        noise: whether dropout stays on; None takes what the mode brings along, noise in ``"train"`` and none in
            ``"eval"``.
    """
    network.train(norm == "train")
    for layer in network.modules():
        if isinstance(layer, _DropoutNd):
            layer.training = norm == "train" if noise is None else noise
        elif isinstance(layer, _NormBase) and norm == "train":
            layer.track_running_stats = False


@contextlib.contextmanager
def inference_mode(network: nn.Module, norm: NormMode, *, noise: bool | None = None) -> Iterator[None]:
    """:func:`set_inference_mode` for the length of a block, after which every layer is in the mode it was in before."""
    before = [(layer, layer.training, getattr(layer, "track_running_stats", None)) for layer in network.modules()]
    set_inference_mode(network, norm, noise=noise)
    try:
        yield
    finally:
        for layer, training, tracking in before:
            layer.training = training
            if isinstance(layer, _NormBase):
                layer.track_running_stats = bool(tracking)


def has_noise(network: nn.Module) -> bool:
    """Whether there is a dropout layer, so that results can be drawn at random."""
    return any(isinstance(layer, _DropoutNd) and layer.p > 0 for layer in network.modules())


def is_noisy(network: nn.Module) -> bool:
    """Whether a dropout layer is on."""
    return any(isinstance(layer, _DropoutNd) and layer.p > 0 and layer.training for layer in network.modules())
