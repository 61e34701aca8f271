"""What the training benchmark is made of: stopwatch, memory, curves, workloads, pictures, pool."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
from curves import difference, kept_steps
from feeding import generate, read_as_authors_do, time_feed
from plain_loops import PlainPool
from stopwatch import PARTS, Stopwatch, peak_of
from workloads import Workload, workloads

from imtrans.train.pool import ImagePool

CPU = torch.device("cpu")


def test_the_rest_of_a_step_is_forward() -> None:
    watch = Stopwatch(CPU)
    watch.reset()
    with watch.step():
        with watch.part("backward"):
            time.sleep(0.02)
        time.sleep(0.06)
    shares = watch.shares()
    assert tuple(shares) == PARTS
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["data"] == shares["optimiser"] == 0
    assert shares["forward"] > shares["backward"] > 0


def test_the_peak_is_what_a_function_holds_at_once() -> None:
    def hold() -> None:
        for _ in range(3):  # one after the other, not together
            torch.ones(48 << 18)

    peak = peak_of(hold, CPU)
    if peak is None:
        pytest.skip("this system does not tell")
    assert 40 << 20 < peak < 96 << 20


def test_the_difference_is_that_of_the_loss_that_differs_most() -> None:
    one = [{"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 2.0}]
    other = [{"a": 1.0, "b": 2.2}, {"a": 1.0, "b": 2.0}]
    assert difference(other, one) == pytest.approx(0.05)
    assert difference(one, one) == 0


def test_kept_steps_are_spread_over_the_run() -> None:
    assert kept_steps(1) == [0]
    assert kept_steps(5) == [0, 1, 2, 3, 4]
    assert kept_steps(100)[0] == 0
    assert kept_steps(100)[-1] == 99
    assert len(kept_steps(100)) == 12


def test_workloads_are_the_authors_unless_told() -> None:
    found = workloads(["cyclegan", "pix2pix", "dcgan"], None, None, 64, None)
    assert [(each.model, each.size, each.batch) for each in found] == [
        ("cyclegan", 128, 1),
        ("cyclegan", 256, 1),
        ("pix2pix", 256, 1),
        ("dcgan", 64, 32),
    ]
    assert [each.blocks for each in found[:2]] == [6, 9]
    assert [each.shape for each in workloads(["dcgan"], [256], 4, 8, 1)] == [[4, 3, 64, 64]]


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_generated_pictures_are_read(tmp_path: Path, workers: int) -> None:
    dataset = read_as_authors_do(generate(tmp_path), 32)
    assert dataset[0].pictures["A"].shape == (3, 32, 32)
    timing = time_feed(dataset, Workload("dcgan", 32, 1, 4, 1), workers, CPU)
    assert 0 < timing.lower <= timing.median <= timing.upper


def test_the_plain_pool_gives_what_imtrans_pool_gives() -> None:
    plain, ours = PlainPool(3, seed=5), ImagePool(3, seed=5)
    for _ in range(20):
        pictures = torch.rand(2, 3, 4, 4)
        assert torch.equal(plain.query(pictures), ours.query(pictures))
