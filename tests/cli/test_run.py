"""``imtrans run`` as typed, with a toy model that gives the negative."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from typer.testing import CliRunner, Result

from imtrans import registry
from imtrans.card import Card, Ref
from imtrans.cli import run as module
from imtrans.cli.run_report import RunReporter
from imtrans.data.picture import read_picture
from imtrans.errors import ImtransError, UnknownNameError
from imtrans.registry import Entry


@dataclass(frozen=True)
class ToyConfig:
    """Nothing to configure."""


class Negative(nn.Module):
    multiple = 4

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return -x * self.gain


def build(config: ToyConfig) -> nn.Module:
    return Negative()


def recognise(shapes: dict[str, tuple[int, ...]]) -> ToyConfig | None:
    return ToyConfig() if set(shapes) == {"gain"} else None


CARD = Card(
    name="toy",
    summary="gives the negative",
    network_config=Ref(f"{__name__}:ToyConfig"),
    build=Ref(f"{__name__}:build"),
    recognise=Ref(f"{__name__}:recognise"),
)
APP = typer.Typer()
APP.command()(module.run)


def photo(index: int) -> np.ndarray:
    return np.random.default_rng(index).integers(0, 256, (6, 8, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: ``in/`` with three pictures, and the toy's weights."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for index in (1, 2, 10):
        Image.fromarray(photo(index)).save(tmp_path / "in" / f"{index}.png")
    save_file({"gain": torch.ones(1)}, tmp_path / "toy.safetensors")

    def find(name: str) -> Card:
        if name != "toy":
            raise UnknownNameError(f"there is no model called {name!r}.")
        return CARD

    monkeypatch.setattr(registry, "find", find)
    return tmp_path


def imtrans_run(*arguments: str) -> Result:
    return CliRunner().invoke(APP, ["--weights", "toy.safetensors", "--precision", "fp32", *arguments])


def status(*arguments: str) -> int:
    """The exit status as the main program makes it of the command."""
    result = imtrans_run(*arguments)
    return result.exception.exit_status if isinstance(result.exception, ImtransError) else result.exit_code


def records(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_picture_in_a_picture_out(folder: Path) -> None:
    result = imtrans_run("toy", "--input", "in/1.png")
    assert result.exit_code == 0, result.output
    out = read_picture(folder / "imtrans-output" / "1.png")
    assert np.array_equal(np.asarray(out.image), 255 - photo(1))
    assert "in/1.png -> imtrans-output/1.png" in result.stdout
    assert "imtrans-output: 1 picture in" in result.stdout.splitlines()[-1]


def test_inputs_may_follow_the_model_as_the_shell_expands_them(folder: Path) -> None:
    assert status("toy", "--input", "in/1.png", "in/2.png", "in/10.png", "--output", "o") == 0
    assert sorted(path.name for path in (folder / "o").iterdir()) == ["1.png", "10.png", "2.png"]


def test_output_may_be_a_file(folder: Path) -> None:
    assert status("toy", "-i", "in/1.png", "-o", "new/x.jpg", "--quality", "90") == 0
    assert read_picture(folder / "new" / "x.jpg").format == "JPEG"


def test_json_lines(folder: Path) -> None:
    (folder / "in" / "bad.png").write_bytes(b"")
    result = imtrans_run("toy", "-i", "in", "--json", "--batch-size", "2")
    assert result.exit_code == 1
    told = records(result)
    assert told[0]["event"] == "start"
    assert (told[0]["model"], told[0]["pictures"], told[0]["precision"]) == ("toy", 4, "fp32")
    done = [record for record in told if record["event"] == "done"]
    assert {record["input"] for record in done} == {"in/1.png", "in/2.png", "in/10.png"}
    assert all((record["width"], record["height"]) == (8, 6) for record in done)
    (failed,) = [record for record in told if record["event"] == "failed"]
    assert "empty" in str(failed["reason"])
    assert told[-1] | {"seconds": 0} == {
        "event": "end", "output": "imtrans-output", "done": 3, "skipped": 0, "failed": 1, "left": 0, "seconds": 0,
        "interrupted": False,
    }  # fmt: skip


def test_some_failed_is_status_one_and_says_which(folder: Path) -> None:
    (folder / "in" / "text.png").write_text("I am a text.")
    result = imtrans_run("toy", "-i", "in", "-i", "missing.png")
    assert result.exit_code == 1
    assert "failed: in/text.png: it is a text file" in result.stderr
    assert "failed: missing.png: there is no such file" in result.stderr
    assert "3 pictures in" in result.stdout
    assert "2 failed" in result.stdout
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense", "-i", "in"),
        ("toy",),
        ("toy", "-i", "nowhere"),
        ("toy", "-i", "*.bmp"),
        ("toy", "-i", "in", "--format", "gif"),
        ("toy", "-i", "in", "--output", "in"),
        ("toy", "-i", "in", "--quality", "0"),
        ("toy", "-i", "in", "--batch-size", "0"),
        ("toy", "-i", "in", "--device", "abacus"),
        ("toy", "-i", "in", "--precision", "fp99"),
        ("toy", "-i", "in", "--backend", "best"),
        ("toy", "-i", "in", "--norm", "batch"),
        ("toy", "-i", "in", "--sample-noise"),
        ("toy", "-i", "in", "--nonsense"),
    ],
    ids=" ".join,
)
def test_commands_without_sense_are_status_two_and_write_nothing(folder: Path, arguments: tuple[str, ...]) -> None:
    before = sorted(folder.rglob("*"))
    assert status(*arguments) == 2
    assert sorted(folder.rglob("*")) == before


def test_skip_existing(folder: Path) -> None:
    imtrans_run("toy", "-i", "in/2.png")
    result = imtrans_run("toy", "-i", "in", "--skip-existing")
    assert result.exit_code == 0
    assert "in/2.png: skipped" in result.stdout
    assert "2 pictures in" in result.stdout.splitlines()[-1]
    assert "1 skipped" in result.stdout.splitlines()[-1]


def test_compare_format_and_max_size(folder: Path) -> None:
    assert status("toy", "-i", "in", "--compare", "--format", "webp", "--max-size", "4") == 0
    for index in (1, 2, 10):
        picture = read_picture(folder / "imtrans-output" / f"{index}-compare.webp")
        assert (picture.size, picture.format) == ((8, 3), "WEBP")


def test_recursive(folder: Path) -> None:
    (folder / "in" / "deep").mkdir()
    Image.fromarray(photo(5)).save(folder / "in" / "deep" / "5.png")
    assert status("toy", "-i", "in", "--recursive", "-o", "o") == 0
    assert (folder / "o" / "deep" / "5.png").is_file()
    assert status("toy", "-i", ".", "--recursive", "-o", "o") == 0
    assert not (folder / "o" / "o").exists()


def test_interruption_says_what_was_done_and_leaves_with_130(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def stops(self: Negative, x: Tensor) -> Tensor:
        if isinstance(x, Tensor):  # and no stand-in with which the network's graph is read
            calls.append(x)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return -x

    monkeypatch.setattr(Negative, "forward", stops)
    result = imtrans_run("toy", "-i", "in")
    assert result.exit_code == 130
    assert "1 picture in" in result.stdout
    assert "interrupted with 2 to go" in result.stdout
    assert [path.name for path in (folder / "imtrans-output").iterdir()] == ["1.png"]


def test_hostile_names_cannot_paint_the_terminal(folder: Path) -> None:
    Image.fromarray(photo(1)).save(folder / "in" / "\x1b[31m[red]x.png")
    result = imtrans_run("toy", "-i", "in")
    assert result.exit_code == 0
    assert "\x1b" not in result.output
    assert "[red]x.png" in result.stdout


def test_notes_of_the_loader_are_told(folder: Path) -> None:
    result = imtrans_run("toy", "-i", "in/1.png")
    assert "note: inferred the network's configuration" in result.stderr


def test_downloads_are_told_by_tenths(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = RunReporter(False, [])
    for arrived in range(0, 1001, 10):
        reporter.download(arrived * 1000, 1_000_000)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "downloading weights: 0 % of 1.0 MB"
    assert lines[-1] == "downloading weights: 100 % of 1.0 MB"
    assert len(lines) == 11


def test_a_terminal_gets_a_bar_and_the_failures(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "in" / "bad.png").write_bytes(b"")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes the test's streams for terminals
    monkeypatch.setenv("COLUMNS", "100")
    result = imtrans_run("toy", "-i", "in", "-i", "missing.png")
    assert result.exit_code == 1
    assert "failed: in/bad.png: the file is empty." in result.stderr
    assert "5/5" in result.stderr or "━" in result.stderr
    assert "in/1.png ->" not in result.stdout
    assert "3 pictures in" in result.stdout


def test_the_command_is_defined_without_torch() -> None:
    code = "import sys, imtrans.cli.run; sys.exit('torch' in sys.modules or 'PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- weights without a model's name -----------------------------------------------------------------------------------


def test_weights_alone_tell_the_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entries", lambda: [Entry("toy", "toys", "1", "toys:card", CARD)])
    for arguments in (("--input", "in/1.png"), ("in/1.png",), ("in/*.png", "in/2.png")):
        result = imtrans_run(*arguments, "--output", "out")
        assert result.exit_code == 0, result.output
        assert "toy, weights toy.safetensors" in result.output
    assert (folder / "out" / "10.png").is_file()
    # With the model's name, nothing of this comes into play.
    assert status("toy", "in/1.png", "--output", "named") == 0


def test_weights_alone_that_no_model_knows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entries", list)
    result = imtrans_run("--input", "in/1.png")
    assert "no installed model can run" in str(result.exception)
    assert status("in/1.png") == 1


def test_a_word_that_is_neither_a_model_nor_a_picture_is_an_unknown_model() -> None:
    assert isinstance(imtrans_run("toyy", "in/1.png").exception, UnknownNameError)


def test_neither_a_model_nor_weights() -> None:
    result = CliRunner().invoke(APP, ["--input", "in/1.png"])
    assert "neither a model nor weights" in str(result.exception)
    assert isinstance(CliRunner().invoke(APP, ["in/1.png"]).exception, UnknownNameError)
