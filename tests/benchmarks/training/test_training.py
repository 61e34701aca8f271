"""The training benchmark, on tiny networks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import training
from plain_loops import PlainDCGAN
from results import Results
from tables import training as training_table

from imtrans.errors import InputError, UsageError
from imtrans.ops.library import why_no_kernel

TINY = ["--ngf", "4", "--blocks", "1", "--size", "32", "--batch", "2", "--steps", "2", "--seconds", "0"]


@pytest.fixture(autouse=True)
def kernels() -> None:
    """Without kernels the benchmark says so and measures nothing."""
    reason = why_no_kernel("instance_norm", "cpu")
    if reason is not None:
        pytest.skip(reason)


def measure(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    output = tmp_path / "training-cpu.json"
    assert training.main([*TINY, "--threads", "1", "--workers", "0", "--output", str(output), *arguments]) == 0
    return json.loads(output.read_text())


@pytest.mark.parametrize("model", ["cyclegan", "pix2pix", "dcgan"])
def test_both_loops_learn_the_same(tmp_path: Path, model: str) -> None:
    (line,) = measure(tmp_path, "--models", model)["lines"]
    assert set(line["seconds"]) == {"plain", "imtrans fp32", "imtrans bf16"}
    assert line["steps"] == [0, 1, 2, 3]
    differences = line["differences"]
    assert differences["imtrans fp32"]["first"] < 1e-5
    assert differences["imtrans fp32"]["mean"] < 1e-2
    assert differences["imtrans bf16"]["first"] < 0.05
    plain, ours = line["losses"]["plain"], line["losses"]["imtrans bf16"]
    assert plain.keys() == ours.keys()
    assert plain != ours, "bf16 rounds"


def test_a_line_says_where_time_and_memory_go(tmp_path: Path) -> None:
    results = measure(tmp_path, "--models", "dcgan")
    (line,) = results["lines"]
    for name in line["seconds"]:
        assert sum(line["shares"][name].values()) == pytest.approx(1)
        assert all(share > 0 for share in line["shares"][name].values())
        # Weights, gradients and two moments, in float32, and the buffers of the batch norms.
        assert line["memory"][name]["state"] > 4 * 4 * (100 * 32 * 16)
    assert line["feed"]["workers"] == 0
    table = training_table(Results("training", "cpu", results["surroundings"], results["lines"]))
    assert "| imtrans bf16 |" in table


def test_a_control_differs_by_rounding_alone(tmp_path: Path) -> None:
    (line,) = measure(tmp_path, "--models", "pix2pix", "--control")["lines"]
    assert 0 < line["differences"]["plain, last bit"]["mean"] < 1e-2


def test_a_loop_that_cannot_run_is_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(self: PlainDCGAN, batch: object) -> None:
        raise RuntimeError("there is no room for it. And more.")

    monkeypatch.setattr(PlainDCGAN, "step", fail)
    (line,) = measure(tmp_path, "--models", "dcgan")["lines"]
    assert line["impossible"] == {"plain": "there is no room for it"}
    assert set(line["losses"]) == {"imtrans fp32", "imtrans bf16"}
    assert "there is no room for it" in capsys.readouterr().out


def test_pictures_of_ones_own(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="trainA"):
        measure(tmp_path, "--models", "dcgan", "--data", str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    "arguments", [["--models", "cyclegan", "--size", "30"], ["--models", "pix2pix", "--size", "48"]]
)
def test_sizes_that_the_networks_cannot_take(tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(UsageError, match="takes pictures of"):
        measure(tmp_path, *arguments)


@pytest.mark.parametrize("arguments", [["--models", "stylegan"], ["--steps", "1"], ["--workers", "-1"]])
def test_what_means_nothing_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        measure(tmp_path, *arguments)
