"""When a translator's network runs packed, and when layer by layer."""

from __future__ import annotations

from itertools import chain

import torch
from torch import Tensor, nn

from imtrans.infer.fast.network import FastNetwork, compile_network
from imtrans.infer.fast.trace import UnsupportedError


class FastPath:
    """Packs a network at its first picture, and again when its weights have changed since.

    Args:
        device: where the network is.
        backend: of the translator; ``"reference"`` keeps everything in plain PyTorch.
    """

    def __init__(self, device: torch.device, backend: str) -> None:
        self.device = device
        self.backend = backend
        self._key: object = None
        self._packed: FastNetwork | None = None
        self._reason: str | None = None

    def run(self, network: nn.Module, x: Tensor) -> Tensor:
        """What ``network(x)`` gives, by the packed network where there is one."""
        self._prepare(network, x.dtype)
        if self._packed is None or not self._packed.takes(x.shape):
            return network(x)
        return self._packed(x)

    def why_not(self, network: nn.Module, dtype: torch.dtype) -> str | None:
        """Why the network runs layer by layer, as a sentence; None where it is packed."""
        self._prepare(network, dtype)
        return self._reason

    def _prepare(self, network: nn.Module, dtype: torch.dtype) -> None:
        key = _state_of(network, dtype)
        if key == self._key:
            return
        self._key, self._packed = key, None
        self._reason = self._pack(network, dtype)

    def _pack(self, network: nn.Module, dtype: torch.dtype) -> str | None:
        if self.device.type != "cpu":
            return f"networks are packed for the CPU, and this one is on {self.device}."
        if self.backend == "reference":
            return "the backend is plain PyTorch."
        try:
            self._packed = compile_network(network, dtype)
        except UnsupportedError as reason:
            return str(reason)
        return None


def _state_of(network: nn.Module, dtype: torch.dtype) -> object:
    """Something that is equal as long as a packed network is still the network."""
    tensors = chain(network.parameters(), network.buffers())
    versions = tuple((id(each), -1 if each.is_inference() else each._version) for each in tensors)
    hooked = tuple(len(each._forward_hooks) + len(each._forward_pre_hooks) for each in network.modules())
    training = tuple(each.training for each in network.modules())
    return id(network), training, dtype, versions, hooked
