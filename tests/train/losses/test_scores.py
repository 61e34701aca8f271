"""Scores of one scale, of several, and of discriminators that give their inner maps too."""

from __future__ import annotations

import pytest
import torch

from imtrans.errors import UsageError
from imtrans.train.losses.scores import by_scale, predictions


def test_one_tensor_is_one_scale() -> None:
    scores = torch.zeros(2, 1)
    assert by_scale(scores)[0] is scores
    assert len(by_scale([scores, scores])) == 2
    assert len(by_scale((scores,))) == 1


def test_predictions_are_the_last_maps() -> None:
    maps = [[torch.zeros(1), torch.ones(1)], [torch.full((1,), 2.0)]]
    assert [float(scores) for scores in predictions(maps)] == [1, 2]


@pytest.mark.parametrize("outputs", [[], [[torch.zeros(1)], []]])
def test_a_scale_without_maps_is_refused(outputs: list[list[torch.Tensor]]) -> None:
    with pytest.raises(UsageError, match="has no scores"):
        predictions(outputs)
