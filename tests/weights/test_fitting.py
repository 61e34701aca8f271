"""Do tensors fill a network? Said in words where they do not."""

from __future__ import annotations

import torch

from imtrans.weights.fitting import fitted, listed, misfits


def test_misfits_name_keys_and_shapes() -> None:
    expected = {"a": torch.ones(2), "b": torch.ones(3), "c": torch.ones(1)}
    found = {"a": torch.ones(2), "b": torch.ones(4), "d": torch.ones(1)}
    assert misfits(found, expected) == ["1 missing (c)", "1 unexpected (d)", "1 of another shape (b (4,) for (3,))"]
    assert misfits(expected, expected) == []


def test_long_lists_are_cut() -> None:
    assert listed("missing", list("abcdef")) == ["6 missing (a, b, c, d and 2 more)"]
    assert listed("missing", ["", ""]) == []


def test_leftovers_of_older_versions_are_brought_to_todays_keys() -> None:
    expected = {key: torch.ones(1) for key in ("n.weight", "n.running_mean", "n.running_var", "n.num_batches_tracked")}
    found = {key: expected[key] for key in list(expected)[:3]} | {"i.running_mean": torch.ones(1)}
    kept, notes = fitted(found, expected)
    assert kept.keys() == expected.keys()
    assert "1 running statistics" in notes[0]
