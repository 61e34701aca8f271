"""Each project's layout is told, and several on top of one another are undone in turn."""

from __future__ import annotations

import torch

from imtrans.weights.foreign.layouts import to_authors


def test_the_authors_own_keys_stay_and_prefixes_go() -> None:
    found = to_authors({"module.model.1.weight": torch.ones(1)}, "torch")
    assert (list(found.tensors), found.project) == (["model.1.weight"], "")
    assert "DataParallel" in found.notes[0]


def test_paddle_is_told_by_the_format_and_cut_by_its_filters() -> None:
    assert to_authors({"fc._mean": torch.ones(1)}, "paddle").project == "PaddleGAN"
    assert to_authors({"model.7.filt": torch.ones(1)}, "torch").project == "CUT"


def test_mmagic_within_a_wrapper() -> None:
    given = {f"module.model.{place}.conv.weight": torch.randn(3, 3, 3, 3) for place in (0, 1, 2, 3, 4, 5)}
    found = to_authors(given, "torch", channels="rgb")
    assert (found.project, "model.1.weight" in found.tensors) == ("mmagic", True)
    assert not any("BGR" in note for note in found.notes)
    assert any("BGR" in note for note in to_authors(given, "torch").notes)
