"""Prefixes and legacy statistics."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from imtrans.weights.layouts import (
    WRAPPERS,
    drop_legacy_statistics,
    restore_batch_counts,
    restore_spectral_norms,
    strip_prefixes,
)

words = st.text("abcdefgmodule_", min_size=1, max_size=8)
keys = st.lists(words, min_size=1, max_size=4).map(".".join)
state_dicts = st.lists(keys, min_size=1, max_size=8, unique=True)


def filled(names: list[str]) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(index) for index, name in enumerate(names)}


@given(state_dicts, st.lists(st.sampled_from(sorted(WRAPPERS)), max_size=3))
def test_stripping_undoes_any_stack_of_wrappers(names: list[str], wrappers: list[str]) -> None:
    bare, _ = strip_prefixes(filled(names))
    wrapped = {"".join(wrappers) + key: tensor for key, tensor in bare.items()}
    found, notes = strip_prefixes(wrapped)
    assert list(found) == list(bare)
    assert all(found[key] is bare[key] for key in bare)
    assert len(notes) == len(wrappers)


@given(state_dicts)
def test_stripping_twice_is_stripping_once_and_loses_nothing(names: list[str]) -> None:
    once, _ = strip_prefixes(filled(names))
    twice, notes = strip_prefixes(once)
    assert (list(twice), notes) == (list(once), ())
    assert sorted(int(tensor) for tensor in once.values()) == list(range(len(names)))


@given(state_dicts)
def test_a_prefix_that_one_key_lacks_stays(names: list[str]) -> None:
    mixed = filled(["module." + name for name in names] + ["alone"])
    assert strip_prefixes(mixed) == (mixed, ())


def test_notes_name_the_prefix() -> None:
    _, notes = strip_prefixes(filled(["_orig_mod.module.a", "_orig_mod.module.b"]))
    assert "_orig_mod." in notes[0]
    assert "DataParallel" in notes[1]


def test_nothing_is_nothing() -> None:
    assert strip_prefixes({}) == ({}, ())


def test_statistics_of_instance_norm_are_dropped_with_a_note() -> None:
    names = ["model.1.weight", "model.2.running_mean", "model.2.running_var", "model.2.num_batches_tracked"]
    kept, notes = drop_legacy_statistics(filled(names), ["model.1.weight"])
    assert list(kept) == ["model.1.weight"]
    assert notes == ("dropped 3 running statistics of 1 instance norms, which use none (PyTorch < 0.4)",)


def test_statistics_that_the_network_has_stay() -> None:
    tensors = filled(["bn.running_mean"])
    assert drop_legacy_statistics(tensors, ["bn.running_mean"]) == (tensors, ())


def test_statistics_of_batch_norm_stay_for_the_strict_loading_to_name() -> None:
    tensors = filled(["bn.weight", "bn.running_mean"])
    assert drop_legacy_statistics(tensors, []) == (tensors, ())


def spectral_layer(axis: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A weight, its left vector before its last step, and what PyTorch 1.0 divided it to, all in float64."""
    torch.manual_seed(axis)
    weight = torch.randn(6, 4, 3, 3, dtype=torch.float64)
    matrix = weight.movedim(axis, 0).flatten(1)
    v = torch.nn.functional.normalize(torch.randn(matrix.shape[1], dtype=torch.float64), dim=0)
    u = torch.nn.functional.normalize(matrix @ v, dim=0)
    return weight, u, weight / (u @ matrix @ v)


@pytest.mark.parametrize("axis", [0, 1])
def test_spectral_norms_of_torch_1_0_give_the_weight_that_was_saved(axis: int) -> None:
    weight, u, normalised = spectral_layer(axis)
    saved = {"up.weight": normalised, "up.weight_orig": weight, "up.weight_u": u, "up.bias": torch.zeros(6)}
    expected = ["up.bias", "up.weight_orig", "up.weight_u", "up.weight_v"]
    found, notes = restore_spectral_norms(saved, expected)
    assert sorted(found) == expected
    assert notes == ("restored 1 spectral norms as PyTorch 1.0 saved them",)
    sigma = u @ weight.movedim(axis, 0).flatten(1) @ found["up.weight_v"]
    torch.testing.assert_close(weight / sigma, normalised)


def test_without_the_normalised_weight_the_right_vector_has_unit_length() -> None:
    weight, u, _ = spectral_layer()
    found, _ = restore_spectral_norms({"weight_orig": weight, "weight_u": u}, ["weight_orig", "weight_u", "weight_v"])
    assert found["weight_v"].norm().item() == pytest.approx(1)
    torch.testing.assert_close(found["weight_v"], torch.nn.functional.normalize(weight.flatten(1).T @ u, dim=0))


def test_whole_spectral_norms_and_other_networks_are_left_alone() -> None:
    weight, u, normalised = spectral_layer()
    whole = {"weight_orig": weight, "weight_u": u, "weight_v": u}
    assert restore_spectral_norms(whole, list(whole)) == (whole, ())
    assert restore_spectral_norms({"weight": normalised}, ["weight"]) == ({"weight": normalised}, ())
    lacking = {"weight_u": u}
    assert restore_spectral_norms(lacking, ["weight_orig", "weight_u", "weight_v"]) == (lacking, ())


def test_batch_norms_of_before_0_4_1_get_a_count() -> None:
    norm = torch.nn.BatchNorm2d(2)
    old = {key: tensor for key, tensor in norm.state_dict(prefix="1.").items() if not key.endswith("tracked")}
    found = restore_batch_counts(old, list(norm.state_dict(prefix="1.")))
    norm.load_state_dict({key.removeprefix("1."): tensor for key, tensor in found.items()}, strict=True)
    assert norm.num_batches_tracked == 0
    assert restore_batch_counts(found, list(found)) == found
    assert restore_batch_counts({}, list(found)) == {}  # a layer that is missing as a whole stays missing
