"""Networks run as they were trained or as a fixed function, and are left as they were."""

from __future__ import annotations

import contextlib
import copy

import pytest
import torch
from torch import nn

from imtrans.nn.inference_mode import NormMode, has_noise, inference_mode, is_noisy, set_inference_mode


def network() -> nn.Module:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Dropout2d(0.5))
    made(torch.randn(3, 2, 6, 6))  # so that the averages say something
    return made


@pytest.mark.parametrize("noise", [None, False, True])
@pytest.mark.parametrize("norm", ["eval", "train"])
def test_norms_and_noise_are_two_switches(norm: NormMode, noise: bool | None) -> None:
    ours, theirs, x = network(), network(), torch.randn(1, 2, 6, 6)
    set_inference_mode(ours, norm, noise=noise)
    theirs.eval()
    theirs[1].train(norm == "train")
    noisy = norm == "train" if noise is None else noise
    for dropout in (theirs[2], theirs[3]):
        dropout.train(noisy)
    assert (ours.training, is_noisy(ours)) == (norm == "train", noisy)
    torch.manual_seed(1)
    got = ours(x)
    torch.manual_seed(1)
    torch.testing.assert_close(got, theirs(x))


def test_running_leaves_the_averages_alone() -> None:
    made = network()
    before = copy.deepcopy(made.state_dict())
    set_inference_mode(made, "train")
    made(torch.randn(1, 2, 6, 6))
    assert all(torch.equal(value, before[key]) for key, value in made.state_dict().items())


def test_a_look_during_training_changes_nothing() -> None:
    made = network().train()
    made[3].eval()  # as a layer that is frozen
    modes = [(layer.training, getattr(layer, "track_running_stats", None)) for layer in made.modules()]
    with contextlib.suppress(KeyError), inference_mode(made, "train", noise=False):
        assert not is_noisy(made)
        raise KeyError
    assert [(layer.training, getattr(layer, "track_running_stats", None)) for layer in made.modules()] == modes
    made(torch.randn(3, 2, 6, 6))
    assert made.get_buffer("1.num_batches_tracked") == 2  # training goes on to gather averages


def test_noise_comes_of_dropout() -> None:
    assert has_noise(network())
    assert not has_noise(nn.Sequential(nn.Conv2d(1, 1, 1), nn.Dropout(0.0)))
    assert not is_noisy(network().eval())
