"""Convolutions whose weights are packed once, for running a network on the CPU picture after picture. Forward only.

A layer reads its input through the normalisation of the layer before it and takes the statistics of its output while
it writes it, so that an instance norm costs no pass of its own::

    z       = act(x * scale + shift)            a :class:`Pending` normalisation; without one, z = x
    y       = conv(bordered z) + bias
    scale'  = gamma / sqrt(var(y) + eps)        over the pixels of each channel and image, for whoever reads y
    shift'  = beta - mean(y) * scale'

3x3 convolutions of stride 1 go by Winograd's minimal filtering F(4x4, 3x3) with the points 0, +-sqrt(1/2), +-sqrt(2)
and infinity (Lavin and Gray, 2015, https://arxiv.org/abs/1509.09308); every other one directly. float32 stays within
a few 1e-6 of float64; bfloat16 multiplies pairs and adds in float32, and is off by about 1 % of the output's deviation
for a 3x3 convolution and 0.25 % for the others.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional

from imtrans.ops.operator import Check, Operator, define

Border = Literal["zeros", "reflect", "replicate"]
_BORDERS: tuple[Border, ...] = ("zeros", "reflect", "replicate")


@dataclass(frozen=True)
class Layer:
    """Everything about a convolution but its numbers."""

    in_channels: int
    out_channels: int
    kernel: int
    """Side of the square kernel."""
    stride: int = 1
    padding: int = 0
    output_padding: int = 0
    transposed: bool = False
    """Whether it is ``torch.nn.ConvTranspose2d``, over a map that goes on beyond its border as :attr:`border` says."""
    border: Border = "zeros"

    def out_size(self, size: int) -> int:
        """Height or width of y for that of x."""
        if self.transposed:
            return (size - 1) * self.stride - 2 * self.padding + self.kernel + self.output_padding
        return (size + 2 * self.padding - self.kernel) // self.stride + 1

    def numbers(self) -> list[int]:
        """The layer as the native operator takes it."""
        *numbers, border = astuple(self)
        return [int(number) for number in numbers] + [_BORDERS.index(border)]


@dataclass(frozen=True)
class Pending:
    """A normalisation and activation that whoever reads the map applies: ``act(x * scale + shift)``."""

    scale: Tensor
    """(N, C), float32."""
    shift: Tensor
    """(N, C), float32."""
    slope: float = 1.0
    """Of the activation: 1 none, 0 ReLU, else leaky ReLU."""


@dataclass(frozen=True)
class Norm:
    """Which normalisation the next layer will want of y."""

    weight: Tensor | None = None
    """(C,), float32; None for 1."""
    bias: Tensor | None = None
    """(C,), float32; None for 0."""
    eps: float = 1e-5


@dataclass(frozen=True)
class PackedConvolution:
    """A layer with its packed weights, made by :func:`pack`."""

    layer: Layer
    weights: Tensor
    """Bytes that fit this layer, its type and this processor only."""
    bias: Tensor | None

    def __call__(
        self, x: Tensor, y: Tensor, pending: Pending | None = None, norm: Norm | None = None
    ) -> Pending | None:
        """Convolve x into y.

        Args:
            x: channels-last (N, C, H, W) of the type that the weights were packed for.
            y: where the result goes: channels-last, of the size that the layer gives; of the type of x, or float32.
            pending: what is still to be done to x.
            norm: the normalisation that y will need.

        Returns:
            The pending normalisation of y, or None without ``norm``.
        """
        scale = shift = None
        if norm is not None:
            scale, shift = (torch.empty(y.shape[:2]) for _ in range(2))
        torch.ops.imtrans.packed_convolution(
            x,
            self.weights,
            self.layer.numbers(),
            None if pending is None else pending.scale,
            None if pending is None else pending.shift,
            1.0 if pending is None else pending.slope,
            self.bias,
            None if norm is None else norm.weight,
            None if norm is None else norm.bias,
            1e-5 if norm is None else norm.eps,
            y,
            scale,
            shift,
        )
        return None if scale is None or shift is None else Pending(scale, shift)


def pack(layer: Layer, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> PackedConvolution:
    """Pack the weights of a convolution for maps of type ``dtype`` (float32, or bfloat16 where that is multiplied)."""
    packed = torch.ops.imtrans.packed_convolution_pack(
        weight.detach().float(), layer.numbers(), dtype == torch.bfloat16
    )
    return PackedConvolution(layer, packed, None if bias is None else bias.detach().float().contiguous())


def affine(x: Tensor, y: Tensor, pending: Pending | None = None, residual: Tensor | None = None) -> None:
    """``y = act(x * scale + shift) + residual``, for channels-last maps of one type; y may be x or the residual."""
    if pending is None:
        torch.ops.imtrans.affine(x, None, None, 1.0, residual, y)
    else:
        torch.ops.imtrans.affine(x, pending.scale, pending.shift, pending.slope, residual, y)


def why_not(dtype: torch.dtype) -> str | None:
    """Why layers cannot be packed for maps of this type here; None if they can."""
    if dtype not in operator.dtypes["cpu"]:
        return f"packed convolutions take float32 and bfloat16, not {str(dtype).removeprefix('torch.')}."
    unavailable = operator.why_unavailable(torch.device("cpu"))
    if unavailable is None and dtype == torch.bfloat16 and not torch.ops.imtrans.multiplies_bfloat16():
        return "this processor has no instruction that multiplies bfloat16 (AVX512-BF16)."
    return unavailable


def reference(
    x: Tensor, layer: Layer, weight: Tensor, bias: Tensor | None = None, pending: Pending | None = None
) -> Tensor:
    """The contract in plain PyTorch, in the type of x."""
    if pending is not None:
        scale, shift = (each.to(x.dtype)[:, :, None, None] for each in (pending.scale, pending.shift))
        x = functional.leaky_relu(x * scale + shift, pending.slope)
    if layer.transposed:
        # Pixels added on every side shift the result by a stride each.
        added = 0 if layer.border == "zeros" else layer.kernel // layer.stride + 1
        x = functional.pad(x, [added] * 4, mode="constant" if not added else layer.border)
        sides = {"stride": layer.stride, "output_padding": layer.output_padding}
        y = functional.conv_transpose2d(x, weight, bias, padding=layer.padding + layer.stride * added, **sides)
        return y
    if layer.padding:
        mode = "constant" if layer.border == "zeros" else layer.border
        x = functional.pad(x, [layer.padding] * 4, mode=mode)
    return functional.conv2d(x, weight, bias, stride=layer.stride)


_SELF_CHECKS = (
    Layer(32, 48, 3, padding=1, border="reflect"),
    Layer(3, 24, 7, padding=3, border="reflect"),
    Layer(24, 3, 7, padding=3, border="reflect"),
    Layer(20, 37, 3, stride=2, padding=1),
    Layer(20, 37, 3, stride=2, padding=1, output_padding=1, transposed=True),
)


def _self_check(device: torch.device) -> list[Check]:
    return [
        _compare(layer, dtype)
        for dtype in (torch.float32, torch.bfloat16)
        if why_not(dtype) is None
        for layer in _SELF_CHECKS
    ]


def _compare(layer: Layer, dtype: torch.dtype) -> Check:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, layer.in_channels, 14, 11, generator=generator).to(dtype)
    sides = (layer.kernel, layer.kernel)
    first, second = layer.out_channels, layer.in_channels
    weight = torch.randn(*((second, first) if layer.transposed else (first, second)), *sides, generator=generator)
    packed = pack(layer, weight, None, dtype)
    y = torch.empty(2, layer.out_channels, layer.out_size(14), layer.out_size(11))
    y = y.contiguous(memory_format=torch.channels_last)
    packed(x.contiguous(memory_format=torch.channels_last), y)
    expected = reference(x.double(), layer, weight.double())
    error = float((y - expected).abs().max() / expected.abs().max())
    kind = "transposed " if layer.transposed else ""
    case = f"{str(dtype).removeprefix('torch.')} {kind}{layer.kernel}x{layer.kernel} of stride {layer.stride}"
    return Check(case, error, 1e-5 if dtype == torch.float32 else 0.03)


operator = define(
    Operator(
        name="packed_convolution",
        summary="convolution for inference: packed weights, normalisation of its input, statistics of its output",
        schemas={
            # layer: in_channels, out_channels, kernel, stride, padding, output_padding, transposed, border.
            "packed_convolution": "(Tensor x, Tensor packed, int[] layer, Tensor? scale, Tensor? shift, float slope,"
            " Tensor? bias, Tensor? gamma, Tensor? beta, float eps, Tensor(a!) y, Tensor(b!)? y_scale,"
            " Tensor(c!)? y_shift) -> ()",
            "packed_convolution_pack": "(Tensor weight, int[] layer, bool bfloat16) -> Tensor",
            "affine": "(Tensor x, Tensor? scale, Tensor? shift, float slope, Tensor? residual, Tensor(a!) y) -> ()",
            "multiplies_bfloat16": "() -> bool",
        },
        reference=reference,
        self_check=_self_check,
        dtypes={"cpu": frozenset({torch.float32, torch.bfloat16}), "cuda": frozenset()},
    )
)


@runtime_checkable
class Packable(Protocol):
    """A layer of a plugin that is one convolution, whatever its forward does: it says which."""

    def packed_layer(self) -> tuple[Layer, Tensor, Tensor | None]:
        """The layer, its weight and its bias; a transposed layer's weight is (in, out, kernel, kernel)."""


def layer_of(module: nn.Conv2d | nn.ConvTranspose2d, *, border: Border = "zeros", padding: int | None = None) -> Layer:
    """The layer that a module of torch's is.

    Args:
        module: with a square kernel, one group and no dilation.
        border: what stands beyond the map.
        padding: in place of the module's own.

    Raises:
        ValueError: there is no packed form of it; the text says why.
    """
    sides = {"kernel_size": module.kernel_size, "stride": module.stride, "output_padding": module.output_padding}
    if module.groups != 1 or tuple(module.dilation) != (1, 1):
        raise ValueError("it has groups or a dilation")
    if isinstance(module.padding, str) or any(len(set(pair)) != 1 for pair in (*sides.values(), module.padding)):
        raise ValueError("its kernel, stride or padding is not square")
    return Layer(
        module.in_channels,
        module.out_channels,
        int(module.kernel_size[0]),
        int(module.stride[0]),
        int(module.padding[0]) if padding is None else padding,
        int(module.output_padding[0]),
        isinstance(module, nn.ConvTranspose2d),
        border,
    )
