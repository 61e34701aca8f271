"""Everything at once: the numbers, the same for doing nothing, and what a score says of itself."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from tiny import FEATURES, moments
from torch import Tensor, nn

from imtrans.errors import InputError
from imtrans.metrics.distances import frechet_distance, kernel_distance
from imtrans.metrics.domain import ClassifierConfig, DomainClassifier
from imtrans.metrics.measure import Batch, Measurement, Tools
from imtrans.metrics.networks.lpips import Lpips
from imtrans.metrics.pairwise import quantised
from imtrans.metrics.scores import Score, chosen_metrics


def pictures(count: int, seed: int, side: int = 16) -> Tensor:
    return quantised(torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed)))


def measured(tools: Tools, *batches: Batch, targets: Tensor | None = None) -> dict[str, Score]:
    measurement = Measurement(tools)
    for batch in batches:
        measurement.add(batch)
    if targets is not None:
        measurement.add_targets(targets)
    return {score.metric: score for score in measurement.scores()}


def names(count: int, start: int = 0) -> list[str]:
    return [f"p{start + index}" for index in range(count)]


def test_pairs_and_doing_nothing() -> None:
    inputs, targets = pictures(4, 0), pictures(4, 1)
    results = (inputs + targets) / 2
    tools = Tools(chosen_metrics("psnr,l1"))
    scores = measured(tools, Batch(names(3), results[:3], targets[:3], inputs[:3]),
                      Batch(names(1, 3), results[3:], targets[3:], inputs[3:]))  # fmt: skip
    psnr = scores["psnr"]
    each = -10 * (quantised(results) - targets).double().square().mean((1, 2, 3)).log10()
    assert psnr.value == pytest.approx(each.mean().item())
    assert psnr.spread == pytest.approx(each.std().item())
    nothing = -10 * (inputs - targets).double().square().mean((1, 2, 3)).log10()
    assert psnr.baseline == pytest.approx(nothing.mean().item())
    assert psnr.value > psnr.baseline + 5
    assert (psnr.count, psnr.targets, psnr.compared) == (4, 4, "4 pictures with their targets")
    assert psnr.setting == "16 x 16, RGB, 8 bits, whole pictures, mean over pictures"
    assert scores["l1"].value == pytest.approx((quantised(results) - targets).abs().mean().item(), rel=1e-6)


def test_results_are_rounded_as_files_would_be() -> None:
    targets = pictures(1, 0)
    score = measured(Tools(chosen_metrics("psnr")), Batch(["p"], targets + 0.4 / 255, targets))["psnr"]
    assert score.value == math.inf
    assert score.notes == ("1 picture equal their targets, which has no finite PSNR",)
    assert score.baseline is None


def test_border_and_channel_are_told() -> None:
    tools = replace(Tools(chosen_metrics("psnr")), border=4, channel="y")
    targets = pictures(1, 0)
    results = targets.clone()
    results[..., 0] = 0.5
    score = measured(tools, Batch(["p"], results, targets))["psnr"]
    assert score.value == math.inf
    assert "luma (BT.601, 16-235)" in score.setting
    assert "border of 4 left out" in score.setting


def test_sets() -> None:
    inputs, targets = pictures(5, 0), pictures(7, 1) ** 2
    results = inputs**1.5
    tools = Tools(chosen_metrics("fid,kid"), features=FEATURES)
    scores = measured(tools, Batch(names(5), results, None, inputs), targets=targets)
    seen = moments(quantised(results)), moments(targets)
    assert scores["fid"].value == pytest.approx(frechet_distance(*seen))
    assert scores["fid"].baseline == pytest.approx(frechet_distance(moments(inputs), seen[1]))
    assert scores["kid"].value == pytest.approx(kernel_distance(*seen).value)
    assert scores["kid"].spread == pytest.approx(kernel_distance(*seen).error)
    assert scores["fid"].network == "moments"
    assert scores["fid"].compared == "5 pictures as a set with 7 targets"
    assert scores["fid"].notes[0].startswith("5 pictures are fewer than 2,048: FID is biased upwards")
    assert scores["kid"].notes == ()


def test_too_few_for_a_set() -> None:
    scores = measured(Tools(chosen_metrics("fid,kid"), features=FEATURES), Batch(["p"], pictures(1, 0)))
    assert scores["kid"].value is None
    assert scores["kid"].notes == ("sets of two pictures or more are needed",)


def test_a_picture_too_small_for_one_metric_counts_for_the_others() -> None:
    pytest.importorskip("torchmetrics")
    tools = Tools(chosen_metrics("ssim,psnr"))
    small, large = pictures(1, 0, side=8), pictures(1, 1)
    scores = measured(tools, Batch(["small"], small, 1 - small, small), Batch(["large"], large, 1 - large, large))
    assert scores["psnr"].count == 2
    assert scores["psnr"].setting.startswith("2 sizes from 8 x 8 to 16 x 16")
    assert scores["ssim"].count == 1
    assert scores["ssim"].notes[0].startswith("1 picture left out: SSIM needs pictures of at least 11 pixels")


def test_different_sizes_count_nowhere() -> None:
    measurement = Measurement(Tools(chosen_metrics("psnr,fid"), features=FEATURES))
    with pytest.raises(InputError, match="the result is 16 x 16 pixels and its target 8 x 8") as raised:
        measurement.add(Batch(["p"], pictures(1, 0), pictures(1, 0, side=8)))
    assert "--size 8" in raised.value.hint
    assert measurement.count == 0
    assert [score.value for score in measurement.scores()] == [None, None]


def test_a_model_that_enlarges_is_compared_with_enlargement() -> None:
    small = torch.full((1, 3, 8, 8), 128 / 255)
    targets = torch.full((1, 3, 16, 16), 128 / 255)
    score = measured(Tools(chosen_metrics("l1")), Batch(["p"], targets, targets, small))["l1"]
    assert score.baseline == pytest.approx(0, abs=1e-6)
    assert "doing nothing is the input enlarged by bicubic interpolation" in score.notes


def test_cycle() -> None:
    batch = Batch(names(2), pictures(2, 0), inputs=pictures(2, 1), cycle=torch.tensor([0.1, 0.3]))
    score = measured(Tools(chosen_metrics("cycle")), batch)["cycle"]
    assert score.value == pytest.approx(0.2)
    assert score.baseline == 0
    assert "perfect cycle" in score.notes[0]


class BrightIsB(DomainClassifier):
    """Takes what is brighter than grey for domain B."""

    def __init__(self) -> None:
        super().__init__(ClassifierConfig("colour", width=1))

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.mean((1, 2, 3)) - 0.5


@pytest.mark.parametrize(("target", "expected"), [("B", 0.75), ("A", 0.25)])
def test_domain(target: str, expected: float) -> None:
    tools = Tools(chosen_metrics("domain"), judges={"colour": BrightIsB()}, target_domain=target)  # type: ignore[arg-type]
    light, dark = torch.full((3, 3, 20, 20), 0.9), torch.full((1, 3, 20, 20), 0.1)
    batch = Batch(names(4), torch.cat([light, dark]), None, torch.cat([dark] * 4))
    score = measured(tools, batch, targets=light)["domain-colour"]
    assert score.value == expected
    assert score.baseline == (0.0 if target == "B" else 1.0)
    assert any("hardly knows" in note for note in score.notes) == (target == "A")


class OneMap(nn.Module):
    """A convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 2, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"map": self.layer(x)}


def test_lpips_through_any_backbone() -> None:
    network = Lpips(OneMap(), [torch.ones(2)], "toy", "ab" * 32)
    one, other = pictures(2, 0), pictures(2, 1)
    score = measured(Tools(chosen_metrics("lpips"), lpips=network), Batch(names(2), one, other, other))["lpips"]
    assert score.value == pytest.approx(network(one, other).mean().item(), rel=1e-5)
    assert score.baseline == 0
    assert score.network == "toy, sha256 abababab"


def test_beginning_anew_keeps_the_targets() -> None:
    measurement = Measurement(Tools(chosen_metrics("fid"), features=FEATURES))
    measurement.add_targets(pictures(4, 1))
    measurement.add(Batch(names(3), pictures(3, 0)))
    before = measurement.scores()[0]
    measurement.forget_results()
    measurement.add(Batch(names(3), pictures(3, 0)))
    assert measurement.scores()[0] == before
    measurement.forget_results(targets=True)
    assert measurement.scores()[0].targets == 0
