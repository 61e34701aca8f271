"""``imtrans convert`` as typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner, Result

from imtrans.cli import convert as module
from imtrans.errors import ImtransError
from imtrans.nn.generator_config import GeneratorConfig
from imtrans.nn.generators import build_generator

APP = typer.Typer()
APP.command()(module.convert)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two networks in a file."""
    monkeypatch.chdir(tmp_path)
    state = build_generator(GeneratorConfig(ngf=2, blocks=1)).state_dict()
    torch.save({"netG_A": state, "netG_B": state}, "run.pth")
    return tmp_path


def convert(*arguments: str) -> Result:
    return CliRunner().invoke(APP, list(arguments))


@pytest.mark.parametrize("option", ["--network", "--direction"])
def test_a_file_and_what_is_said_of_it(folder: Path, option: str) -> None:
    result = convert("run.pth", "--model", "cyclegan", option, "netG_B", "--licence", "MIT", "-o", "b.safetensors")
    assert result.exit_code == 0
    assert "b.safetensors: cyclegan, 0.0 MB, from run.pth" in result.stdout
    assert "note: took the network 'netG_B' of 2 in the file" in result.stdout
    assert "licence: MIT" in result.stdout
    assert (folder / "b.safetensors").is_file()


def test_json_is_the_manifest() -> None:
    result = convert("run.pth#netG_A", "--model", "pix2pix", "--json")
    record = json.loads(result.stdout)
    assert (record["path"], record["family"]) == ("run-netG_A.safetensors", "pix2pix")
    assert record["source"]["network"] == "netG_A"


def test_errors_are_sentences() -> None:
    for arguments in (
        ("run.pth",),
        ("run.pth", "--model", "nothing"),
        ("run.pth#netG_A", "-m", "cyclegan", "-o", "x.pt"),
    ):
        result = convert(*arguments)
        assert isinstance(result.exception, ImtransError), arguments
