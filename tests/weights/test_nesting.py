"""Which of the dictionaries in a checkpoint is the network."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from imtrans.errors import WeightsError
from imtrans.weights.nesting import default_of, members, networks_in, preferred, select


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


def test_networks_that_share_one_state_dict_are_told_by_their_keys() -> None:
    one = torch.ones(1)
    keys = (
        "generators.photo.model.0.w",
        "generators.mask.model.0.w",
        "discriminators.photo.w",
        "data_preprocessor.mean",
    )
    found = members(dict.fromkeys(keys, one))
    assert list(found) == ["generators.photo", "generators.mask", "discriminators.photo"]
    assert list(found["generators.photo"]) == ["model.0.w"]
    assert list(members({"generator_ema.a": one, "discriminator.a": one, "netG_A.a": one, "genA2B.a": one})) == [
        "generator_ema",
        "discriminator",
        "netG_A",
        "genA2B",
    ]
    # A single key that is nobody's, and they are the layers of one network.
    assert members({"generator.a": one, "head.b": one}) == {}


def test_a_part_of_one_state_dict_can_be_asked_for() -> None:
    content = {"generator.a": torch.ones(1), "discriminator.a": torch.zeros(1), "head.b": torch.ones(2)}
    tensors, _ = select({"state_dict": content}, "head", "file")
    assert list(tensors) == ["b"]
    assert list(select({"state_dict": content}, "state_dict", "file")[0]) == list(content)


def test_a_cards_usual_network_of_several() -> None:
    several = {"nets.genA2B": {}, "nets.genB2A": {}}
    assert default_of(several, "genA2B") == "genA2B"
    assert default_of(several, "netG") is None
    assert default_of({"genA2B": {}}, "genA2B") is None
    assert preferred(["params", "params_ema"]) == "params_ema"
    assert preferred(["params"]) is None


@pytest.mark.parametrize(
    "names",
    [
        ("G", "D", "G_ema"),
        ("g", "g_ema"),
        ("discriminator", "generator_ema", "generator"),
        ("netG", "netD", "avgG"),
    ],
)
def test_the_average_is_preferred_among_networks_that_do_not_run(names: tuple[str, ...]) -> None:
    content = {name: net(float(name.endswith("_ema") or name == "avgG")) for name in names}
    assert select(content, None, "file")[0]["w"][0] == 1
    with pytest.raises(WeightsError, match="networks"):
        select({**content, "another": net()}, None, "file")


def test_paddles_optimiser_is_no_network() -> None:
    assert networks_in({"optimG": {"w_moment1_0": torch.ones(2), "LR_Scheduler": {"last_lr": 1.0}}}) == {}
