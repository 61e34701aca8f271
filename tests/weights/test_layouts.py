"""Prefixes and legacy statistics."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from imtrans.weights.layouts import WRAPPERS, drop_legacy_statistics, strip_prefixes

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
