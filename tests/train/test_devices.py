"""Real processes that train together: the same weights as one, a death that ends the run, and an exact resume."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from imtrans.train.checkpoint import checkpoints, step_of

from .test_killed import Process, assert_same_checkpoint

SETTINGS = (
    *("--steps", "12", "--load-size", "10", "--crop-size", "8", "--json", "--batch-size", "4", "--precision", "fp32"),
    *("--set", "generator.ngf=2", "--set", "generator.blocks=1", "--set", "discriminator.ndf=2"),
    *("--set", "discriminator.layers=1", "--set", "train.workers=0", "--set", "train.checkpoint_every=4"),
    *("--set", "train.log_every=1", "--set", "train.tensorboard=false", "--set", "train.ema=0.9"),
    # Biases before an instance norm have no effect and no gradient but rounding, of which Adam makes whole steps.
    *("--set", "generator.bias=false", "--set", "discriminator.norm=none"),
)


def losses(process: Process) -> list[dict[str, float]]:
    return [event["losses"] for event in process.events if event["event"] == "step"]  # type: ignore[misc]


@pytest.mark.slow
def test_two_processes_give_the_weights_of_one(data: Path, tmp_path: Path) -> None:
    """Of the same global batches, in one portion and in two; one process alone writes."""
    settings = ("--data", str(data), *SETTINGS, "--steps", "4")  # more would show how rounding grows
    one = Process(tmp_path / "one", *settings)
    two = Process(tmp_path / "two", *settings, "--devices", "2", "--set", "train.accumulate=2")
    assert (one.end(), two.end()) == (0, 0), one.err + two.err
    first, second = (tmp_path / name / "checkpoints" / "step-00000004" for name in ("one", "two"))
    for path in first.glob("*.safetensors"):
        expected, found = load_file(path), load_file(second / path.name)
        for key, tensor in expected.items():
            torch.testing.assert_close(found[key], tensor, atol=1e-5, rtol=0, msg=lambda text, key=key: f"{key} {text}")
    for expected_losses, found_losses in zip(losses(one), losses(two), strict=True):
        assert found_losses == pytest.approx(expected_losses, abs=1e-4)
    starts = [event for event in two.events if event["event"] == "start"]
    assert len(starts) == 1, "one process alone reports"
    assert len(set(starts[0]["processes"])) == 2  # type: ignore[call-overload]
    lines = (tmp_path / "two" / "log.jsonl").read_text().splitlines()
    assert len(lines) == 4, "one process alone writes"


@pytest.mark.slow
def test_a_process_that_dies_ends_the_run_and_a_resumed_one_is_exact(data: Path, tmp_path: Path) -> None:
    settings = ("--data", str(data), *SETTINGS, "--devices", "2", "--set", "generator.dropout=true")
    straight = Process(tmp_path / "straight", *settings)
    broken = Process(tmp_path / "run", *settings)
    broken.wait_for_step(6)
    (start,) = (event for event in broken.events if event["event"] == "start")
    os.kill(start["processes"][1], signal.SIGKILL)  # type: ignore[index]
    since = time.monotonic()
    assert broken.end() == 1
    assert time.monotonic() - since < 20
    assert "process 1 of 2 has died: it was ended by SIGKILL" in broken.err
    assert "--resume" in broken.err
    assert "Traceback" not in broken.err
    resumed = Process(tmp_path / "run", "--resume", "--json", "--devices", "2")
    assert (straight.end(), resumed.end()) == (0, 0), straight.err + resumed.err
    assert_same_checkpoint(*(tmp_path / name / "checkpoints" / "step-00000012" for name in ("straight", "run")))


@pytest.mark.slow
def test_a_signal_stops_all_with_one_checkpoint(data: Path, tmp_path: Path) -> None:
    """SIGTERM to the supervisor alone, as a job scheduler does."""
    process = Process(tmp_path / "run", "--data", str(data), *SETTINGS, "--devices", "2", "--steps", "100000")
    process.wait_for_step(3)
    process.process.terminate()
    assert process.end() == 130
    assert "Traceback" not in process.err
    assert process.events[-1]["finished"] is False
    assert step_of(checkpoints(tmp_path / "run" / "checkpoints")[-1]) == process.events[-1]["step"]


@pytest.mark.slow
def test_torchrun(data: Path, tmp_path: Path) -> None:
    arguments = ("train", "cyclegan", "--data", str(data), "--output", str(tmp_path / "run"), *SETTINGS, "--steps", "3")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "imtrans"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"event": "start"') == 1
    assert [path.name for path in checkpoints(tmp_path / "run" / "checkpoints")] == ["step-00000003"]
