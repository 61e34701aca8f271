"""``imtrans models`` and ``imtrans models show``."""

from __future__ import annotations

import json
import sys

import pytest

from imtrans.cli.main import main

MODULES = {
    "fake_shown": """
from imtrans import Card, Ref, Weights

card = Card(
    name="shown",
    summary="turns day into night",
    network_config=Ref("fake_shown_config:Config"),
    build=Ref("fake_shown_config:build"),
    recognise=Ref("fake_shown_config:recognise"),
    weights=(
        Weights("night", "day to night", "CC-BY-4.0", url="https://example.org/night.pth", size=44_000_000),
        Weights("dusk", "day to dusk", "MIT", file="dusk.safetensors"),
    ),
    default_weights="dusk",
    paper="Someone: Night, 2020",
    precisions=("fp32",),
)
""",
    "fake_shown_config": '''
from dataclasses import dataclass
from typing import Literal

@dataclass(frozen=True)
class Config:
    width: int = 64
    """Channels of the widest layer."""
    norm: Literal["batch", "none"] = "batch"
    """Kind of normalisation."""
''',
}


@pytest.fixture
def shown(distributions, tmp_path, monkeypatch: pytest.MonkeyPatch):
    """A plugin with shipped and downloaded weights, and an empty cache."""
    distributions.add("imtrans-shown", {"shown": "fake_shown:card"}, MODULES)
    (distributions.folder / "dusk.safetensors").write_bytes(b"x" * 2_500_000)
    monkeypatch.setenv("IMTRANS_CACHE", str(tmp_path / "cache"))
    return distributions


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit status of the command line, run in this process."""
    monkeypatch.setattr(sys, "argv", ["imtrans", *arguments])
    with pytest.raises(SystemExit) as leaving:
        main()
    return int(leaving.value.code or 0)


def test_table(shown, monkeypatch, capsys) -> None:
    assert run(monkeypatch, "models") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Model", "Task", "What", "it", "does", "Default", "weights", "Trainable"]
    (row,) = [line for line in lines if line.startswith("shown")]
    assert "turns day into night" in row
    assert row.split()[-2:] == ["dusk", "no"]


def test_json(shown, monkeypatch, capsys) -> None:
    assert run(monkeypatch, "models", "--json") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["shown"] == {
        "name": "shown",
        "task": "translate",
        "summary": "turns day into night",
        "default_weights": "dusk",
        "trainable": False,
    }
    assert rows["cyclegan"]["trainable"] is True


def test_a_broken_plugin_is_mentioned_beside_the_table(shown, monkeypatch, capsys) -> None:
    shown.add("imtrans-bad", {"bad": "fake_bad:card"}, {"fake_bad": "1 / 0"})
    assert run(monkeypatch, "models", "--json") == 0
    printed = capsys.readouterr()
    assert "shown" in [row["name"] for row in json.loads(printed.out)]
    assert printed.err == "1 plugin could not be loaded; 'imtrans plugins' says why.\n"


def test_a_shared_name_is_listed_in_full(distributions, monkeypatch, capsys) -> None:
    distributions.add_card("imtrans-one", "twin", "fake_one")
    distributions.add_card("imtrans-two", "twin", "fake_two")
    assert run(monkeypatch, "models", "--json") == 0
    assert {"imtrans-one:twin", "imtrans-two:twin"} <= {row["name"] for row in json.loads(capsys.readouterr().out)}


def test_show(shown, monkeypatch, capsys) -> None:
    assert run(monkeypatch, "models", "show", "shown") == 0
    lines = capsys.readouterr().out.splitlines()
    text = "\n".join(" ".join(line.split()) for line in lines)
    assert "shown: turns day into night" in text
    assert "paper Someone: Night, 2020" in text
    assert "value range -1.0, 1.0" in text
    assert "precisions fp32" in text
    assert "night day to night to be downloaded 44.0 MB [1]" in text
    assert "dusk (default) day to dusk shipped 2.5 MB [2]" in text
    assert "[1] CC-BY-4.0\n[2] MIT\n" in text
    assert "width 64 a whole number Channels of the widest layer." in text
    assert "norm batch 'batch' or 'none' Kind of normalisation." in text
    assert "Training settings" not in text


def test_show_tells_what_is_in_the_cache(shown, monkeypatch, capsys, tmp_path) -> None:
    folder = tmp_path / "cache" / "weights" / "shown"
    folder.mkdir(parents=True)
    (folder / "night.pth").write_bytes(b"x")
    assert run(monkeypatch, "models", "show", "shown", "--json") == 0
    weights = {row["name"]: row for row in json.loads(capsys.readouterr().out)["weights"]}
    assert weights["night"]["state"] == "cached"


def test_show_json(shown, monkeypatch, capsys) -> None:
    assert run(monkeypatch, "models", "show", "cyclegan", "--json") == 0
    card = json.loads(capsys.readouterr().out)
    assert card["name"] == "cyclegan"
    settings = {row["key"]: row for row in card["training_settings"]}
    assert settings["generator.ngf"]["default"] == 64
    assert settings["generator.ngf"]["help"]


def test_show_names_what_exists(shown, monkeypatch, capsys) -> None:
    assert run(monkeypatch, "models", "show", "showm") == 2
    assert "Did you mean 'shown'?" in capsys.readouterr().err


def test_show_of_settings_that_break(distributions, monkeypatch, capsys) -> None:
    distributions.add_card("imtrans-late", "late", "fake_late")
    assert run(monkeypatch, "models", "show", "late") == 1
    printed = capsys.readouterr().err
    assert "the settings of 'late' cannot be read: ModuleNotFoundError" in printed
    assert "Traceback" not in printed


def test_show_of_weights_that_are_missing(shown, monkeypatch, capsys) -> None:
    (shown.folder / "dusk.safetensors").unlink()
    assert run(monkeypatch, "models", "show", "shown") == 0
    assert "missing" in capsys.readouterr().out
