"""The evaluator that training calls again and again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny import FEATURES, folder, moments, negative, photo, save

from imtrans.metrics.evaluator import Evaluator, is_better
from imtrans.metrics.held_out import HeldOut
from imtrans.metrics.measure import Tools
from imtrans.metrics.networks.features import FeatureNetwork
from imtrans.metrics.planning import plan_held_out
from imtrans.metrics.running import Options
from imtrans.metrics.scores import chosen_metrics


def test_sets_in_both_directions(tmp_path: Path) -> None:
    folder(tmp_path, "testA", [1, 2, 3])
    folder(tmp_path, "testB", [4, 5, 6, 7])
    seen = []

    def counted(pictures: torch.Tensor) -> torch.Tensor:
        seen.append(len(pictures))
        return moments(pictures)

    plans = {direction: plan_held_out(tmp_path, direction) for direction in ("a2b", "b2a")}
    tools = Tools(chosen_metrics("kid,cycle"), features=FeatureNetwork(counted, "counted"))
    evaluator: Evaluator = HeldOut(plans, dict.fromkeys(plans, tools), Options(batch_size=4))
    assert evaluator.higher_is_better == {"a2b/kid": False, "a2b/cycle": False, "b2a/kid": False, "b2a/cycle": False}
    first = evaluator({"a2b": negative, "b2a": negative})
    assert set(first) == set(evaluator.higher_is_better)
    assert first["a2b/cycle"] == pytest.approx(0, abs=1e-6)
    assert sum(seen) == 3 + 4 + 4 + 3
    seen.clear()
    assert evaluator({"a2b": negative, "b2a": negative}) == pytest.approx(first)
    assert sum(seen) == 3 + 4  # the targets were seen before
    worse = evaluator({"a2b": lambda x: x * 0, "b2a": negative})
    assert is_better(first["a2b/kid"], worse["a2b/kid"], higher=evaluator.higher_is_better["a2b/kid"])


def test_pairs_again_and_again(tmp_path: Path) -> None:
    for number in range(3):
        given = photo(number)
        save(tmp_path / "testA" / f"{number}.png", given)
        save(tmp_path / "testB" / f"{number}.png", 255 - given)
    (tmp_path / "testA" / "9.png").write_bytes(b"damaged")
    save(tmp_path / "testB" / "9.png", photo(9))
    plans = {"a2b": plan_held_out(tmp_path, "a2b", paired=True)}
    evaluator = HeldOut(plans, {"a2b": Tools(chosen_metrics("l1,fid"), features=FEATURES)})
    good = evaluator({"a2b": negative})
    assert good == {"a2b/l1": 0, "a2b/fid": pytest.approx(0, abs=1e-9)}
    assert evaluator({"a2b": torch.clone})["a2b/l1"] > 0.2
    assert evaluator({"a2b": negative}) == pytest.approx(good)
    assert list(evaluator.failed) == ["9"]


def test_what_cannot_be_measured_is_left_out(tmp_path: Path) -> None:
    for name in ("testA", "testB"):
        folder(tmp_path, name, [1], height=8, width=8)
    pytest.importorskip("torchmetrics")
    plans = {"a2b": plan_held_out(tmp_path, "a2b", paired=True)}
    assert set(HeldOut(plans, {"a2b": Tools(chosen_metrics("l1,ssim"))})({"a2b": negative})) == {"a2b/l1"}
