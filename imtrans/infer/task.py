"""Whether a model does what it is asked to do; needs no torch, so that commands can ask at once."""

from __future__ import annotations

from typing import Literal

from imtrans.card import Card
from imtrans.errors import UsageError

Task = Literal["translate", "generate"]


def check_task(card: Card, wanted: Task) -> None:
    """Refuse a model of the other task.

    Raises:
        UsageError: the message names the command that serves it.
    """
    if card.task == wanted:
        return
    if card.task == "generate":
        raise UsageError(
            f"the model {card.name!r} generates pictures from random numbers; it translates none.",
            hint=f"Type: imtrans generate {card.name} --seeds 0-15",
        )
    raise UsageError(
        f"the model {card.name!r} translates pictures; it generates none from random numbers.",
        hint=f"Type: imtrans run {card.name} --input PICTURE",
    )
