"""Initial weights as the authors of the models draw them."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils import parametrize


def init_normal(network: nn.Module, std: float = 0.02) -> None:
    """Draw every convolution's and linear layer's weight from N(0, std^2), with biases of zero, in place.

    Affine batch norms get weights from N(1, std^2) and biases of zero (DCGAN, Radford et al., 2016, section 3). A
    weight under spectral norm is drawn before its normalisation.
    """
    for layer in network.modules():
        if isinstance(layer, (nn.modules.conv._ConvNd, nn.Linear)):
            nn.init.normal_(_learnt_weight(layer), 0.0, std)
        elif isinstance(layer, nn.BatchNorm2d) and layer.affine:
            nn.init.normal_(layer.weight, 1.0, std)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _learnt_weight(layer: nn.Module) -> Tensor:
    """The parameter itself: the weight of a parametrised layer is a result, and filling it would change nothing."""
    if parametrize.is_parametrized(layer, "weight"):
        return layer.get_parameter("parametrizations.weight.original")
    return layer.get_parameter("weight")
