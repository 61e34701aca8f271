"""A pool of earlier fakes, so that a discriminator does not forget what the generator once tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class ImagePool:
    """Keeps up to ``size`` pictures; a query gives back each new picture or, half of the time, swaps it for an old one.

    Shrivastava et al., "Learning from Simulated and Unsupervised Images through Adversarial Training", CVPR 2017,
    section 2.3, in the form that CycleGAN gave it.

    Args:
        size: pictures to keep; 0 makes :meth:`query` the identity.
        seed: of the pool's own random numbers, which are part of its state.
    """

    def __init__(self, size: int, seed: int = 0) -> None:
        self.size = size
        self._pictures: list[Tensor] = []
        self._random = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return len(self._pictures)

    def query(self, pictures: Tensor) -> Tensor:
        """Pass (N, C, H, W) pictures through the pool; gives as many back. The pool fills before it swaps."""
        if self.size == 0:
            return pictures
        return torch.stack([self._exchange(picture) for picture in pictures])

    def _exchange(self, picture: Tensor) -> Tensor:
        if len(self._pictures) < self.size:
            self._pictures.append(picture.clone())
            return picture
        if torch.rand((), generator=self._random) < 0.5:
            return picture
        place = int(torch.randint(self.size, (), generator=self._random))
        old, self._pictures[place] = self._pictures[place], picture.clone()
        return old

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next queries depend on."""
        return {"pictures": list(self._pictures), "random": self._random.get_state()}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device | str = "cpu") -> None:
        """Go on where :meth:`state_dict` was taken, with the pictures on ``device``; a smaller pool takes the first."""
        self._pictures = [picture.to(device) for picture in state["pictures"][: self.size]]
        self._random.set_state(state["random"])
