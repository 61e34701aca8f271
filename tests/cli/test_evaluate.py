"""``imtrans evaluate`` as typed: folders, a toy model that gives the negative, and everything that may be wrong."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

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
from imtrans.cli import evaluate as module
from imtrans.errors import ImtransError


@dataclass(frozen=True)
class ToyConfig:
    """Nothing to configure."""


class Negative(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return -x * self.gain


class Paired:
    """All that evaluation asks of a method."""

    data: ClassVar[str] = "paired"


class Unpaired:
    data: ClassVar[str] = "unpaired"


def build(config: ToyConfig) -> nn.Module:
    return Negative()


def recognise(shapes: dict[str, tuple[int, ...]]) -> ToyConfig | None:
    return ToyConfig() if set(shapes) == {"gain"} else None


def moments(pictures: Tensor) -> Tensor:
    return torch.cat([pictures.mean((2, 3)), pictures.std((2, 3))], 1)


def toy(method: str) -> Card:
    return Card(
        name=method.lower(),
        summary="gives the negative",
        network_config=Ref(f"{__name__}:ToyConfig"),
        build=Ref(f"{__name__}:build"),
        recognise=Ref(f"{__name__}:recognise"),
        method=Ref(f"{__name__}:{method}"),
        method_config=Ref(f"{__name__}:ToyConfig"),
    )


APP = typer.Typer()
APP.command()(module.evaluate)
OWN = ("--features", f"{__name__}:moments")


def photo(seed: int, side: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: inputs and their negatives, as data of a model and as folders of results."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMTRANS_CACHE", str(tmp_path / "cache"))
    for name in ("data/testA", "data/testB", "in", "out", "real"):
        (tmp_path / name).mkdir(parents=True)
    for number in range(1, 4):
        given = photo(number)
        for name in ("data/testA", "in"):
            Image.fromarray(given).save(tmp_path / name / f"{number}.png")
        for name in ("data/testB", "real"):
            Image.fromarray(255 - given).save(tmp_path / name / f"{number}.png")
        Image.fromarray(250 - given // 2).save(tmp_path / "out" / f"{number}.png")
    save_file({"gain": torch.ones(1)}, tmp_path / "toy.safetensors")
    cards = {"paired": toy("Paired"), "unpaired": toy("Unpaired")}
    monkeypatch.setattr(registry, "find", lambda name: cards[name])
    return tmp_path


def evaluate(*arguments: str) -> Result:
    return CliRunner().invoke(APP, list(arguments))


def measured(*arguments: str, status: int = 0) -> dict[str, Any]:
    result = evaluate(*arguments, "--json")
    assert result.exit_code == status, (result.output, result.exception)
    record: dict[str, Any] = json.loads(result.stdout)
    record["scores"] = {score["metric"]: score for score in record["scores"]}
    return record


def refused(*arguments: str) -> ImtransError:
    result = evaluate(*arguments)
    assert isinstance(result.exception, ImtransError), (result.output, result.exception)
    return result.exception


# --- folders ----------------------------------------------------------------------------------------------------------


def test_folders_as_json(folder: Path) -> None:
    (folder / "out" / "x.png").write_bytes((folder / "out" / "1.png").read_bytes())
    folders = ("--results", "out", "--targets", "real", "--inputs", "in")
    record = measured(*folders, "--metrics", "l1,psnr", "--pictures")
    expected = [np.abs((250 - photo(n) // 2).astype(float) - (255.0 - photo(n))).mean() / 255 for n in range(1, 4)]
    score = record["scores"]["l1"]
    assert score["value"] == pytest.approx(np.mean(expected))
    assert score["spread"] == pytest.approx(np.std(expected, ddof=1))
    assert score["baseline"] > score["value"]
    assert score["count"] == 3
    assert record["pictures"]["l1"] == {str(n): pytest.approx(expected[n - 1]) for n in range(1, 4)}
    assert record["without_partner"] == {"result": ["out/x.png"]}
    assert record["paired"] is True
    assert record["failed"] == {}
    assert record["versions"]["torch"] == torch.__version__


def test_folders_as_a_table() -> None:
    pytest.importorskip("torchmetrics")
    result = evaluate("--results", "out", "--targets", "real")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split("  ")[0] for line in lines[1:5]] == ["metric", "PSNR (dB)", "SSIM", "L1"]
    assert "3 pictures with their targets" in lines[2]
    assert "16 x 16, RGB, 8 bits, whole pictures" in lines[2]


def test_sets_need_no_names(folder: Path) -> None:
    (folder / "real" / "1.png").rename(folder / "real" / "one.png")
    record = measured("--results", "out", "--targets", "real", "--metrics", "fid,kid", *OWN)
    assert record["paired"] is False
    fid = record["scores"]["fid"]
    assert (fid["count"], fid["targets"]) == (3, 3)
    assert fid["network"] == f"{__name__}:moments"
    assert "biased upwards" in fid["notes"][0]


def test_equal_pictures_are_infinitely_good_in_valid_json(folder: Path) -> None:
    record = measured(
        "--results", "real", "--targets", "real", "--metrics", "psnr", "--pictures", "-o", "r/report.json"
    )
    assert float(record["scores"]["psnr"]["value"]) == math.inf
    assert record["pictures"]["psnr"]["1"] == "Infinity"
    assert "3 pictures equal their targets" in record["scores"]["psnr"]["notes"][0]

    def no_constants(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    written = json.loads((folder / "r" / "report.json").read_text(), parse_constant=no_constants)
    assert written["scores"][0]["value"] == "Infinity"
    assert "∞" in evaluate("--results", "real", "--targets", "real", "--metrics", "psnr").stdout


def test_hostile_pictures_are_told_and_the_status_says_so(folder: Path) -> None:
    (folder / "out" / "1.png").write_bytes(b"no picture at all")
    Image.fromarray(photo(2, side=8)).save(folder / "out" / "2.png")
    arguments = ("--results", "out", "--targets", "real", "--metrics", "psnr")
    record = measured(*arguments, status=1)
    assert record["scores"]["psnr"]["count"] == 1
    assert set(record["failed"]) == {"1", "2"}
    result = evaluate(*arguments)
    assert result.exit_code == 1
    assert "2 pictures left out." in result.stdout
    assert "left out: 1: out/1.png: it is a text file, not a picture" in result.stderr
    assert "--size 16 brings both to squares" in result.stderr
    assert measured(*arguments, "--size", "8", status=1)["scores"]["psnr"]["count"] == 2


def test_a_metric_that_nothing_is_large_enough_for() -> None:
    pytest.importorskip("torchmetrics")
    record = measured("--results", "out", "--targets", "real", "--metrics", "ms-ssim,l1", status=1)
    assert record["scores"]["ms-ssim"]["value"] is None
    assert "at least 176 pixels" in record["scores"]["ms-ssim"]["notes"][0]
    assert record["scores"]["l1"]["count"] == 3


def test_options_of_pairs() -> None:
    record = measured("--results", "out", "--targets", "real", "--metrics", "psnr", "--border", "2", "--channel", "y")
    assert "luma (BT.601, 16-235), 8 bits, border of 2 left out" in record["scores"]["psnr"]["setting"]
    assert (
        measured("--results", "out", "--targets", "real", "--metrics", "l1", "--limit", "2")["scores"]["l1"]["count"]
        == 2
    )


# --- a model ----------------------------------------------------------------------------------------------------------


def test_a_model_of_pairs(folder: Path) -> None:
    arguments = ("paired", "--weights", "toy.safetensors", "--data", "data", "--precision", "fp32")
    record = measured(*arguments, "--metrics", "l1,kid", *OWN)
    assert record["scores"]["l1"]["value"] == pytest.approx(0, abs=1e-9)
    assert record["scores"]["l1"]["baseline"] > 0.2
    assert record["scores"]["kid"]["value"] < record["scores"]["kid"]["baseline"]
    assert (record["model"], record["direction"], record["weights"]) == ("paired", "a2b", "toy.safetensors")
    assert len(record["weights_sha256"]) == 64
    assert any("do not say which way" in note for note in record["notes"])


def test_a_model_of_sets_with_its_counterpart() -> None:
    arguments = (
        "unpaired",
        "-w",
        "toy.safetensors",
        "--data",
        "data",
        "--back",
        "toy.safetensors",
        "--precision",
        "fp32",
    )
    record = measured(*arguments, "--metrics", "cycle,fid", *OWN)
    assert record["paired"] is False
    assert record["scores"]["cycle"]["value"] == pytest.approx(0, abs=1e-6)
    assert record["scores"]["cycle"]["baseline"] == 0
    assert any("say --paired" in note for note in record["notes"])
    assert measured(*arguments, "--paired", "--metrics", "l1")["paired"] is True


def test_the_weights_say_which_way_they_translate(folder: Path) -> None:
    identity = {"model": "unpaired", "config": {}, "direction": "b2a"}
    save_file({"gain": torch.ones(1)}, folder / "b2a.safetensors", metadata={"imtrans": json.dumps(identity)})
    arguments = ("unpaired", "-w", "b2a.safetensors", "--data", "data", "--metrics", "kid", *OWN)
    record = measured(*arguments)
    assert record["direction"] == "b2a"
    assert not any("which way" in note for note in record["notes"])
    record = measured(*arguments, "--direction", "a2b")
    assert record["direction"] == "a2b"
    assert any("say of themselves that they translate b2a" in note for note in record["notes"])


# --- what makes no sense ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "a model is missing"),
        (("--results", "out"), "--targets is missing"),
        (("--targets", "real"), "--results is missing"),
        (
            ("--results", "out", "--targets", "real", "--data", "data"),
            "--data has nothing to say where no model is named",
        ),
        (("paired", "--results", "out"), "--results has nothing to say where the model paired makes the results"),
        (("paired",), "--data is missing"),
        (("paired", "--data", "data", "-w", "toy.safetensors", "--split", "val"), "--split is test or train"),
        (("paired", "--data", "data", "-w", "toy.safetensors", "--direction", "ab"), "a direction is a2b or b2a"),
        (("--results", "out", "--targets", "real", "--metrics", "ssimm"), "there is no metric called 'ssimm'"),
        (("--results", "out", "--targets", "real", "--channel", "g"), "channel is rgb or y"),
        (("--results", "out", "--targets", "real", "--metrics", "psnr", "--sets"), "every result needs a target"),
        (("--results", "out", "--targets", "real", "--metrics", "cycle"), "it needs a model and its counterpart"),
    ],
)
def test_commands_that_make_no_sense(arguments: tuple[str, ...], words: str) -> None:
    error = refused(*arguments)
    assert words in error.what
    assert error.exit_status == 2


def test_a_model_that_generates_is_measured_by_its_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "find", lambda name: replace(toy("Unpaired"), task="generate"))
    error = refused("unpaired", "--data", "data")
    assert "generates pictures from random numbers" in error.what
    assert "evaluate --results out/" in error.hint


def test_folders_that_cannot_be_measured(folder: Path) -> None:
    (folder / "empty").mkdir()
    assert "there is no picture in the folder empty" in refused("--results", "empty", "--targets", "real").what
    assert "does not exist" in refused("--results", "out", "--targets", "nowhere").what
    assert "there is no weights file nowhere.pth" in refused("paired", "-w", "nowhere.pth", "--data", "data").what


def test_offline_without_the_network() -> None:
    error = refused("--results", "out", "--targets", "real", "--metrics", "fid", "--offline")
    assert "the Inception network of FID and KID (96 MB) is not on this machine" in error.what
    assert "or give --features FILE. Without a file, through a network of your own: --features " in error.hint
    assert error.exit_status == 1


def test_a_report_that_cannot_be_written(folder: Path) -> None:
    (folder / "taken").mkdir()
    error = refused("--results", "out", "--targets", "real", "--metrics", "l1", "--output", "taken")
    assert "taken cannot be written" in error.what
