"""What translators and generators say of themselves, and what they refuse alike."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from toys import CARD

from imtrans.errors import ImtransError, UsageError
from imtrans.infer.model import RunningModel


class Toy(RunningModel):
    """A model with a particular of its own."""

    def _particulars(self) -> Sequence[str]:
        return ("of wood",)

    def check(self, output: torch.Tensor) -> None:
        self._require_finite(output)


def toy(precision: str = "fp32", backend: str = "auto") -> Toy:
    return Toy(CARD, None, "", "cpu", precision, backend)


def test_one_line() -> None:
    model = toy("bf16")
    assert model.describe() == f"{CARD.name}, weights unnamed, on cpu in bf16, backend auto, of wood"
    assert repr(model) == f"<Toy: {model.describe()}>"


def test_no_such_backend() -> None:
    with pytest.raises(UsageError, match="cudnn"):
        toy(backend="cudnn")


@pytest.mark.parametrize(("precision", "hint"), [("bf16", "--precision fp32"), ("fp32", "weights are damaged")])
def test_values_that_are_no_numbers(precision: str, hint: str) -> None:
    toy(precision).check(torch.zeros(2))
    with pytest.raises(ImtransError) as caught:
        toy(precision).check(torch.tensor([0.0, float("nan")]))
    assert hint in caught.value.hint
