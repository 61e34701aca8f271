"""Real processes, really stopped: kill -9, Ctrl-C and SIGTERM, each followed by --resume."""

from __future__ import annotations

import json
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

SETTINGS = (
    *("--steps", "30", "--load-size", "10", "--crop-size", "8", "--precision", "bf16", "--json"),
    *("--set", "generator.ngf=2", "--set", "generator.blocks=1", "--set", "generator.dropout=true"),
    *("--set", "discriminator.ndf=2", "--set", "discriminator.layers=1", "--set", "pool_size=4"),
    *("--set", "train.workers=1", "--set", "train.checkpoint_every=5", "--set", "train.log_every=1"),
)


class Process:
    """``imtrans train cyclegan`` in a process group of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "imtrans", "train", "cyclegan", "--output", str(folder), *arguments]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.events: list[dict[str, object]] = []

    def wait_for_step(self, step: int) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            if self.events[-1].get("step") == step:
                return
        raise AssertionError(self.process.communicate()[1])

    def end(self) -> int:
        out, self.err = self.process.communicate(timeout=120)
        self.events += [json.loads(line) for line in out.splitlines()]
        return self.process.returncode


def assert_same_checkpoint(one: Path, other: Path) -> None:
    files = sorted(path.name for path in one.iterdir())
    assert files == sorted(path.name for path in other.iterdir())
    for name in files:
        if name.endswith(".safetensors"):
            left, right = load_file(one / name), load_file(other / name)
            assert all(torch.equal(left[key], right[key]) for key in left), name
    left, right = (torch.load(path / "state.pt", weights_only=True) for path in (one, other))
    assert str(left) == str(right)


@pytest.mark.slow
def test_a_run_survives_all_three(data: Path, tmp_path: Path) -> None:
    """Kill -9 after step 7, Ctrl-C to the whole group after step 12, SIGTERM after step 17, and the same end."""
    straight = Process(tmp_path / "straight", "--data", str(data), *SETTINGS)
    run = tmp_path / "run"
    killed = Process(run, "--data", str(data), *SETTINGS)
    killed.wait_for_step(7)
    killed.process.kill()
    assert killed.end() == -signal.SIGKILL
    assert step_of(checkpoints(run / "checkpoints")[-1]) % 5 == 0

    interrupted = Process(run, "--resume", "--json")
    interrupted.wait_for_step(12)
    os.killpg(interrupted.process.pid, signal.SIGINT)  # as a terminal does: the worker hears it too
    assert interrupted.end() == 130
    assert "Traceback" not in interrupted.err
    stopped_at = interrupted.events[-1]["step"]
    assert interrupted.events[-1]["finished"] is False
    assert step_of(checkpoints(run / "checkpoints")[-1]) == stopped_at >= 12

    terminated = Process(run, "--resume", "--json")
    terminated.wait_for_step(17)
    os.killpg(terminated.process.pid, signal.SIGTERM)
    assert terminated.end() == 130
    assert "Traceback" not in terminated.err

    last = Process(run, "--resume", "--json")
    assert last.end() == 0, last.err
    assert straight.end() == 0, straight.err
    assert_same_checkpoint(*(folder / "checkpoints" / "step-00000030" for folder in (tmp_path / "straight", run)))
    steps = [json.loads(line)["step"] for line in (run / "log.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 31))


@pytest.mark.slow
def test_workers_do_not_outlive_the_run(data: Path, tmp_path: Path) -> None:
    process = Process(tmp_path / "run", "--data", str(data), *SETTINGS)
    process.wait_for_step(3)
    process.process.kill()
    process.end()
    deadline = time.monotonic() + 30
    while (alive := group_exists(process.process.pid)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not alive, "a worker is still there"


def group_exists(group: int) -> bool:
    """Whether any process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
