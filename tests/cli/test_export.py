"""``imtrans export`` as its users type it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from imtrans.cli.main import main


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like that of a run, with one checkpoint."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "run" / "checkpoints" / "step-00000050"
    folder.mkdir(parents=True)
    (folder / "state.pt").touch()
    for direction in ("a2b", "b2a"):
        identity = {"model": "toy", "config": {}, "direction": direction, "step": 50}
        metadata = {"imtrans": json.dumps(identity)}
        save_file({"gain": torch.tensor([0.5])}, folder / f"{direction}.safetensors", metadata)
    return tmp_path / "run"


@pytest.fixture
def export(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def command(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["imtrans", "export", *arguments])
        try:
            main()
        except SystemExit as leaving:
            return int(leaving.code or 0)
        return 0

    return command


def test_a_file_is_written(run: Path, export: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        export("run", "--output", "out.safetensors", "--direction", "b2a", "--precision", "fp16", "--step", "50") == 0
    )
    assert "out.safetensors: weights of b2a at step 50, fp16" in capsys.readouterr().out
    with safe_open("out.safetensors", framework="pt") as file:
        assert json.loads(file.metadata()["imtrans"])["direction"] == "b2a"
        assert file.get_tensor("gain").dtype == torch.float16


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "--output", "x.pth"), ("x.safetensors",)),
        (("run", "--output", "x.safetensors", "--direction", "b2c"), ("a2b, b2a", "Did you mean 'b2a'?")),
        (("run", "--output", "x.safetensors", "--step", "7"), ("Steps: 50.",)),
        (("run", "--output", "x.safetensors", "--precision", "fp8"), ("fp32, fp16",)),
        (("run", "--output", "there.safetensors"), ("exists already", "--force")),
        (("nothing", "--output", "x.safetensors"), ("nothing holds no checkpoints", "imtrans train")),
    ],
)
def test_errors(
    run: Path,
    export: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    words: tuple[str, ...],
) -> None:
    Path("there.safetensors").write_text("precious")
    assert export(*arguments) in (1, 2)
    told = capsys.readouterr()
    assert told.out == ""
    assert all(word in told.err for word in words), told.err
    assert not Path("x.safetensors").exists()
    assert Path("there.safetensors").read_text() == "precious"


def test_force(run: Path, export: Callable[..., int]) -> None:
    Path("x.safetensors").write_text("old")
    assert export("run", "--output", "x.safetensors", "--force") == 0
    assert Path("x.safetensors").stat().st_size > 3
