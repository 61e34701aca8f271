"""U-GAT-IT's loss of the generator's classifier."""

from __future__ import annotations

import math

import pytest
import torch
from torch.autograd import gradcheck

from imtrans.errors import UsageError
from imtrans.train.losses import cam_loss


def test_values_and_gradients() -> None:
    translated = torch.tensor([[0.5, -1.0]], dtype=torch.float64, requires_grad=True)
    kept = torch.tensor([[2.0, -0.3]], dtype=torch.float64, requires_grad=True)

    def sigmoid(t: float) -> float:
        return 1 / (1 + math.exp(-t))

    wanted = -(math.log(sigmoid(0.5)) + math.log(sigmoid(-1.0))) / 2
    wanted -= (math.log(1 - sigmoid(2.0)) + math.log(1 - sigmoid(-0.3))) / 2
    assert cam_loss(translated, kept).item() == pytest.approx(wanted, rel=1e-12)
    assert gradcheck(cam_loss, (translated, kept))


def test_half_precision_is_summed_in_full() -> None:
    logits = torch.tensor([[0.5, -1.0]]).bfloat16()
    assert cam_loss(logits, logits).dtype == torch.float32


def test_no_logits_are_an_error() -> None:
    with pytest.raises(UsageError, match="no logits of kept pictures"):
        cam_loss(torch.ones(1, 2), torch.ones(0, 2))
