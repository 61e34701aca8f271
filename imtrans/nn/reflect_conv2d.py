"""The convolution over reflected borders as a layer."""

from __future__ import annotations

from torch import Tensor, nn

from imtrans.errors import UsageError
from imtrans.ops.reflect_conv2d import reflect_conv2d


class ReflectConv2d(nn.Conv2d):
    """A convolution over maps with a reflected border, see :func:`imtrans.ops.reflect_conv2d`.

    It takes the place of ``nn.ReflectionPad2d(padding)`` and ``nn.Conv2d``, or of ``nn.Conv2d`` with
    ``padding_mode="reflect"``; the keys of its state dict are theirs, ``weight`` and ``bias``.

    Where the layer before can write the border with its own output (``InstanceNorm2d(..., pad=padding)``), padding
    costs no pass over memory at all. Such a layer is followed by one with ``padded=True``, which takes the border as it
    comes:

    >>> nn.Sequential(InstanceNorm2d(64, activation="relu", pad=3), ReflectConv2d(64, 3, 7, padding=3, padded=True))

    Args:
        in_channels: channels C of the maps (N, C, H, W).
        out_channels: channels D of the output.
        kernel_size: sides of the kernel.
        padding: pixels of the border on each side.
        padded: the border is there already: maps are (N, C, H + 2 padding, W + 2 padding).
        stride: pixels from one place of the kernel to the next.
        groups: into how many groups of channels, convolved each for itself, C and D are divided.
        bias: learn a shift for each channel of the output.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        padding: int,
        padded: bool = False,
        stride: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        # With the border there already, this is a plain convolution to whoever takes it for an nn.Conv2d.
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=0 if padded else padding,
            groups=groups,
            bias=bias,
            padding_mode="zeros" if padded else "reflect",
        )
        self.border = padding
        self.padded = padded

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (N, C, H, W), or maps larger by the border where that is there already."""
        if not self.padded:
            return reflect_conv2d(
                x, self.weight, self.bias, padding=self.border, stride=self.stride[0], groups=self.groups
            )
        self._require_border(x)
        return super().forward(x)

    def extra_repr(self) -> str:
        """The settings, as ``print(layer)`` shows them."""
        return super().extra_repr() + (f", border={self.border}, padded=True" if self.padded else "")

    def _require_border(self, x: Tensor) -> None:
        # A reflected border of p pixels belongs to maps of at least p + 1.
        least = 3 * self.border + 1
        if x.dim() != 4 or min(x.shape[2:]) < least:
            raise UsageError(
                f"a ReflectConv2d with padded=True takes maps with a border of {self.border} pixels, and a tensor of "
                f"shape {tuple(x.shape)} cannot have one.",
                hint="Let the layer before write the border, or leave padded=True out.",
            )
