"""Styles of two latents in one picture."""

from __future__ import annotations

import torch
from torch import Tensor

from imtrans.train.style_mixing import mixed_styles

LAYERS = 6


class Mapping:
    """Styles that are the latent itself; counts how often it was to move its average."""

    averaged = 0

    def __call__(self, z: Tensor, labels: Tensor | None = None, *, update_average: bool = True) -> Tensor:
        self.averaged += update_average
        return z.unsqueeze(1).repeat(1, LAYERS, 1)


def crossover(ws: Tensor, z: Tensor) -> int:
    """How many styles, from the first, are those of z."""
    own = (ws == z[:, None]).all(2)
    assert (own == own[0]).all()
    count = int(own[0].sum())
    assert own[0, :count].all()
    return count


def test_the_layers_from_one_on_are_others() -> None:
    torch.manual_seed(0)
    mapping, z = Mapping(), torch.randn(3, 4)
    found = {crossover(mixed_styles(mapping, z, share=1.0), z) for _ in range(60)}
    assert found == {1, 2, 3, 4, 5}
    assert mapping.averaged == 60
    assert {crossover(mixed_styles(mapping, z, share=1.0, layers=3), z) for _ in range(40)} == {1, 2}


def test_the_share_of_mixed_batches() -> None:
    torch.manual_seed(0)
    mapping, z = Mapping(), torch.randn(2, 4)
    whole = sum(crossover(mixed_styles(mapping, z, share=0.3), z) == LAYERS for _ in range(200))
    assert 120 < whole < 160
    before = torch.get_rng_state()
    assert mixed_styles(mapping, z, share=0.0).equal(mapping(z))
    assert torch.get_rng_state().equal(before)
