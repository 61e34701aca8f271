"""Which of the dictionaries in a checkpoint is the network."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from imtrans.errors import WeightsError
from imtrans.weights.nesting import networks_in, select


def net(value: float = 0.0) -> dict[str, Any]:
    return {"w": torch.full((2,), value)}


def test_a_flat_state_dict_is_taken_as_it_is() -> None:
    tensors, notes = select(net(), None, "file")
    assert list(tensors) == ["w"]
    assert notes == ()


def test_scalars_beside_tensors_are_left_out() -> None:
    tensors, _ = select({**net(), "epoch": 3, "version": "1"}, None, "file")
    assert list(tensors) == ["w"]


def test_several_networks_ask_for_a_name() -> None:
    content = {"netG_A": net(1), "netG_B": net(2), "epoch": 5}
    with pytest.raises(WeightsError, match="holds 2 networks") as caught:
        select(content, None, "run.pth")
    assert "netG_A (1 tensors), netG_B (1 tensors)" in caught.value.have
    assert "run.pth#netG_A" in caught.value.hint


def test_a_default_is_taken_where_no_name_is_asked_for() -> None:
    content = {"genA2B": net(1), "genB2A": net(2)}
    tensors, notes = select(content, None, "file", "genA2B")
    assert tensors["w"][0] == 1
    assert "'genA2B'" in notes[0]
    assert select(content, "genB2A", "file", "genA2B")[0]["w"][0] == 2
    assert select(net(3), None, "file", "genA2B")[0]["w"][0] == 3
    with pytest.raises(WeightsError, match="holds 2 networks"):
        select({"a": net(), "b": net()}, None, "file", "genA2B")


@pytest.mark.parametrize("name", ["models.b", "b"])
def test_a_network_answers_to_its_path_and_to_its_last_name(name: str) -> None:
    tensors, notes = select({"models": {"a": net(1), "b": net(2)}}, name, "file")
    assert tensors["w"][0] == 2
    assert "'models.b'" in notes[0]


def test_a_wrong_network_name_gets_a_suggestion() -> None:
    with pytest.raises(WeightsError, match="Did you mean 'netG_A'"):
        select({"netG_A": net(), "netD_A": net()}, "netg_a", "file")
    with pytest.raises(WeightsError, match="no network called 'x'") as caught:
        select(net(), "x", "file")
    assert "single network" in caught.value.have


def test_the_running_average_is_preferred() -> None:
    tensors, notes = select({"params": net(1), "params_ema": net(2)}, None, "file")
    assert tensors["w"][0] == 2
    assert "running average" in notes[0]


def test_an_optimiser_is_no_network() -> None:
    optimiser = {"state": {"0": {"exp_avg": torch.ones(2)}}, "param_groups": []}
    assert networks_in({"optimizer": optimiser}) == {}


@pytest.mark.parametrize("content", [[1, 2], torch.ones(2), 3, None, {"epoch": 1}, {}, {1: torch.ones(2)}])
def test_what_holds_no_network_is_refused(content: object) -> None:
    with pytest.raises(WeightsError, match="holds"):
        select(content, None, "file")


def test_endless_nesting_is_not_followed() -> None:
    content: dict[str, Any] = net()
    content["itself"] = content
    tensors, _ = select(content, None, "file")
    assert list(tensors) == ["w"]
