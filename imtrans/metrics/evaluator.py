"""What training asks now and then: how good are the translators at this step?

The training engine knows no metric and the metrics know no engine; this protocol is all that they share. An evaluator
holds its pictures and its networks, is made once before training, and is called at every evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from torch import Tensor

Translate = Callable[[Tensor], Tensor]
"""Pictures (N, 3, H, W), RGB, float from 0 to 1 in; float pictures of the same kind, H and W times the scale, out."""


class Evaluator(Protocol):
    """Measures translators on held-out pictures.

    Attributes:
        higher_is_better: for every number that a call returns, by its name, whether more of it is better; the engine
            keeps the best checkpoint by one of these names.
    """

    @property
    def higher_is_better(self) -> Mapping[str, bool]: ...

    def __call__(self, translators: Mapping[str, Translate]) -> dict[str, float]:
        """Named numbers, such as ``{"a2b/kid": 0.031}``.

        Args:
            translators: by direction (``"a2b"``, ``"b2a"``), as the method's ``translators()`` names them. They are
                called without gradients and in the mode in which the network is run; the caller sees to both.
        """


def is_better(new: float, old: float | None, *, higher: bool) -> bool:
    """Whether ``new`` beats ``old``; the first number beats none, and a NaN beats nothing."""
    if new != new:
        return False
    return old is None or old != old or (new > old if higher else new < old)
