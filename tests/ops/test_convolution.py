"""Convolutions under autocast: gradients of first and second order, in the precision of their leaves."""

import pytest
import torch

from imtrans.ops.convolution import conv2d, conv_transpose2d


@pytest.mark.parametrize("convolve", [conv2d, conv_transpose2d])
def test_both_orders_of_gradients_go_through_autocast(convolve):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 8, 8, generator=generator, requires_grad=True)
    weight = torch.randn(4, 4, 3, 3, generator=generator, requires_grad=True)

    def penalised(autocast):
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            y = convolve(x, weight, stride=2, padding=(1, 1))
            (dx,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
            loss = dx.square().mean() + y.square().mean()
        return y, torch.autograd.grad(loss, (x, weight))

    y, gradients = penalised(autocast=True)
    _, exact = penalised(autocast=False)

    assert y.dtype == torch.bfloat16
    for gradient, wanted in zip(gradients, exact, strict=True):
        assert gradient.dtype == torch.float32
        assert (gradient - wanted).norm() < 0.03 * wanted.norm()
