"""What the shipped files say of themselves is what the cards say of them, and each can be made again."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from safetensors import safe_open

from imtrans import registry
from imtrans.card import Card, Weights
from imtrans.weights.store import locate

SHIPPED = [
    pytest.param(card, weights, id=weights.name)
    for card in registry.cards().values()
    for weights in card.weights
    if weights.file is not None
]

WITHOUT_A_CARD = ("portrait2vintage", "vintage2portrait")
"""Exported before files had model cards; theirs stands in the plugin's README."""


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata())


@pytest.mark.parametrize(("card", "weights"), SHIPPED)
def test_a_model_card_in_a_shipped_file_states_its_terms(card: Card, weights: Weights) -> None:
    found = metadata(locate(card, weights.name).path)
    if "model_card" not in found:
        assert weights.name in WITHOUT_A_CARD
        return
    assert found["licence"] == weights.licence
    assert f"- Licence: {weights.licence}\n" in found["model_card"]
    assert "- Training pictures: the folder" not in found["model_card"]


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_every_shipped_file_has_a_make_target(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    targets = ("weights", "weights-outlines", "weights-smallshake", "weights-portraits64")
    command = ("make", "--dry-run", f"VENV={tmp_path / 'none'}", *targets)
    told = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.replace("\\\n", "")
    for card, weights in (parameters.values for parameters in SHIPPED):
        assert f"/{weights.file}" in told
        if "model_card" in (found := metadata(locate(card, weights.name).path)):
            pictures = found["model_card"].partition("- Training pictures: ")[2].partition("\n")[0]
            assert f'--licence "{weights.licence}" --pictures "{pictures}"' in told
