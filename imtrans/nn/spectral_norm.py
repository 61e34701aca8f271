"""Spectral normalisation: a layer's weight divided by its largest singular value.

Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018: with W the weight as a matrix
(output channels, all else), one step of the power iteration in each forward pass of training (algorithm 1)::

    v = normalise(W^T u)        u = normalise(W v)        sigma = u^T W v        W_sn = W / sigma

The authors of SPADE, U-GAT-IT and SNGAN used ``torch.nn.utils.spectral_norm``, whose keys are ``weight_orig``,
``weight_u`` and ``weight_v``. The state dict here has these very keys, so their checkpoints load and go on. That
function itself is not used: a network that has it cannot be copied once it has run, as an average of weights must, and
its sigma is a bfloat16 number under autocast. Here it is float32, a copy is a copy, and second gradients (R1) flow
through sigma.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from imtrans.errors import UsageError

Layer = TypeVar("Layer", bound=nn.Module)


def spectral_norm(layer: Layer, *, iterations: int = 1, eps: float = 1e-12) -> Layer:
    """Normalise the weight of ``layer`` in place.

    The learnt parameter is ``layer.parametrizations.weight.original``, which the state dict calls ``weight_orig``;
    ``layer.weight`` is the normalised weight, computed afresh at each access, with a power iteration in training mode.

    Args:
        layer: a convolution, transposed or not, a linear layer or an embedding.
        iterations: of the power method in each forward pass in training mode.
        eps: below which a vector is not normalised further.

    Returns:
        The same layer.

    Raises:
        UsageError: it has no weight that is a matrix, is normalised already, or iterations is below 1.
    """
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, Tensor) or weight.dim() < 2:
        raise UsageError(
            f"a {type(layer).__name__} has no weight with a spectral norm.",
            have="Convolutions, linear layers and embeddings have one.",
        )
    if parametrize.is_parametrized(layer, "weight"):
        raise UsageError(f"the weight of this {type(layer).__name__} is normalised already.")
    if iterations < 1:
        raise UsageError(f"the power method takes at least 1 iteration, not {iterations}.")
    transposed = isinstance(layer, (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d))
    norm = SpectralNorm(weight, 1 if transposed else 0, iterations, eps)
    parametrize.register_parametrization(layer, "weight", norm)
    layer.register_state_dict_post_hook(_to_published_keys)
    layer.register_load_state_dict_pre_hook(_from_published_keys)
    return layer


def fold_spectral_norm(network: nn.Module) -> None:
    """Turn every normalised weight into the plain ``weight`` that it is in eval mode, in place, for faster running."""
    network.eval()
    for layer in network.modules():
        if parametrize.is_parametrized(layer, "weight") and isinstance(_parametrisation(layer), SpectralNorm):
            with torch.no_grad():
                parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)


def _parametrisation(layer: nn.Module) -> nn.Module:
    return layer.get_submodule("parametrizations.weight.0")


class SpectralNorm(nn.Module):
    """The parametrisation behind :func:`spectral_norm`: W to W / sigma.

    Args:
        weight: the weight to be, for its shape.
        dim: the axis of the output channels.
        iterations: see :func:`spectral_norm`.
        eps: see :func:`spectral_norm`.
    """

    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor, dim: int, iterations: int, eps: float) -> None:
        super().__init__()
        self.dim, self.iterations, self.eps = dim, iterations, eps
        matrix = self._as_matrix(weight.detach())
        for name, length in zip("uv", matrix.shape, strict=True):
            start = torch.randn(length, dtype=matrix.dtype, device=matrix.device)
            self.register_buffer(name, functional.normalize(start, dim=0, eps=eps))

    def forward(self, weight: Tensor) -> Tensor:
        """The weight over its spectral norm; sigma is computed in float32 at least."""
        with torch.autocast(weight.device.type, enabled=False):
            matrix = self._as_matrix(weight)
            matrix = matrix if matrix.dtype == torch.float64 else matrix.float()
            if self.training:
                self._iterate(matrix.detach())
            # Copies, for the next forward pass changes u and v in place while this one's graph still needs them.
            u, v = (vector.to(matrix.dtype, copy=True) for vector in (self.u, self.v))
            sigma = torch.dot(u, torch.mv(matrix, v))
            return weight / sigma.to(weight.dtype)

    @torch.no_grad()
    def _iterate(self, matrix: Tensor) -> None:
        u, v = self.u.to(matrix.dtype), self.v.to(matrix.dtype)
        for _ in range(self.iterations):
            v = functional.normalize(torch.mv(matrix.t(), u), dim=0, eps=self.eps)
            u = functional.normalize(torch.mv(matrix, v), dim=0, eps=self.eps)
        self.u.copy_(u)
        self.v.copy_(v)

    def _as_matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).flatten(1)

    def right_inverse(self, weight: Tensor) -> Tensor:
        """What an assignment to ``layer.weight`` sets: the weight before its normalisation."""
        return weight

    def extra_repr(self) -> str:
        """The settings, as ``print(layer)`` shows them."""
        return f"iterations={self.iterations}, eps={self.eps}"


# --- keys -----------------------------------------------------------------------------------------------------------

_PUBLISHED = {
    "parametrizations.weight.original": "weight_orig",
    "parametrizations.weight.0.u": "weight_u",
    "parametrizations.weight.0.v": "weight_v",
}


def _to_published_keys(layer: nn.Module, state: dict[str, Any], prefix: str, metadata: Mapping[str, Any]) -> None:
    _rename(state, prefix, _PUBLISHED)


def _from_published_keys(layer: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    _rename(state, prefix, {public: own for own, public in _PUBLISHED.items()})


def _rename(state: dict[str, Any], prefix: str, names: Mapping[str, str]) -> None:
    for old, new in names.items():
        if prefix + old in state:
            state[prefix + new] = state.pop(prefix + old)
