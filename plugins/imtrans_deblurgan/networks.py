"""DeblurGAN's generator: the residual network of :mod:`imtrans.nn.generators`, with a way round it for the picture.

Keys of the state dict are those of the authors' ``models/networks.py``, so their checkpoints load as they are.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from imtrans.nn.generator_keys import TRUNK
from imtrans.nn.generators import ResnetGenerator, block_border, normalise, padded_convolution
from imtrans_deblurgan.config import GeneratorConfig
from imtrans_deblurgan.fpn_mobilenet import FPNMobileNet
from imtrans_deblurgan.residual import bounded


def build_generator(config: GeneratorConfig) -> nn.Module:
    """The generator that ``config`` describes, with PyTorch's initial weights."""
    return FPNMobileNet(config) if config.kind == "fpn-mobilenet" else DeblurGenerator(config)


class DeblurGenerator(ResnetGenerator):
    """Deblurs pictures: clamp(x + G(x), -1, 1), so that G has to find only what the blur took away.

    Kupyn et al., 2018, section 3.2. Maps (N, input_nc, H, W) in [-1, 1] to (N, output_nc, H, W) in [-1, 1]; H and W are
    multiples of ``multiple`` and at least ``minimum``.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__(config)
        self.learn_residual, self.bound = config.learn_residual, config.bound
        if config.block == "single":
            for place in range(config.blocks):
                border = block_border(config) if place + 1 < config.blocks else 0
                self.model[TRUNK + place] = SingleBlock(4 * config.ngf, config, border=border)

    def forward(self, x: Tensor) -> Tensor:
        """Deblur pictures; see the class for shapes and ranges."""
        return bounded(x, self.model(x), self.learn_residual, self.bound)


class SingleBlock(nn.Module):
    """x + dropout(relu(norm(conv(x)))), or x + norm(conv(x)) without dropout, at constant width and size.

    The residual block as the authors' code has built it since 2019-03-24, when a conditional expression swallowed one
    of the two convolutions; whoever trained with that code has files of this network.

    Args:
        width: channels of the maps.
        config: of the generator.
        border: reflected pixels that the output is to have on each side, for the block that follows.
    """

    def __init__(self, width: int, config: GeneratorConfig, border: int = 0) -> None:
        super().__init__()
        self.entering, self.leaving = block_border(config), border
        layers = padded_convolution(width, config, padded=self.entering > 0)
        if config.dropout:
            layers += [*normalise(config.norm, width, "relu"), nn.Dropout(0.5)]
        else:
            layers += normalise(config.norm, width, "none")[:1]
        self.conv_block = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape, borders apart."""
        inner = functional.pad(x, (-self.entering,) * 4) if self.entering else x
        y = inner + self.conv_block(x)
        return functional.pad(y, (self.leaving,) * 4, mode="reflect") if self.leaving else y
