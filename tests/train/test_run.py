"""The folder of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from filelock import FileLock

from imtrans.errors import OutputError, TrainingError
from imtrans.train import run as runs
from imtrans.train.run import RunFolder
from imtrans.train.settings import RunConfig

from .toys import CARD


@pytest.fixture
def settings() -> RunConfig:
    return RunConfig.defaults(CARD, "pictures")


@pytest.fixture
def folder(tmp_path: Path, settings: RunConfig) -> RunFolder:
    run = RunFolder(tmp_path / "runs" / "r1")
    run.create(settings)
    return run


def test_a_new_folder(folder: RunFolder, settings: RunConfig) -> None:
    assert sorted(path.name for path in folder.root.iterdir()) == ["checkpoints", "config.toml", "samples"]
    assert RunConfig.read(folder.config_path, CARD) == settings


def test_a_folder_that_holds_a_run_is_refused(folder: RunFolder, settings: RunConfig) -> None:
    with pytest.raises(TrainingError, match="holds a training run already") as caught:
        folder.create(settings)
    assert caught.value.have == "Checkpoints in it: 0."
    assert "--resume" in caught.value.hint


def test_a_folder_that_cannot_be_made(tmp_path: Path, settings: RunConfig) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written: Not a directory") as caught:
        RunFolder(tmp_path / "file" / "run").create(settings)
    assert "--output" in caught.value.hint


def test_changed_settings_are_written_and_the_former_kept(folder: RunFolder, settings: RunConfig) -> None:
    before = folder.config_path.read_bytes()
    changed = settings.override(["lr=0.5"])
    folder.change_settings(changed, 500)
    assert RunConfig.read(folder.config_path, CARD) == changed
    assert (folder.root / "config-until-00000500.toml").read_bytes() == before


def test_unchanged_settings_write_nothing(folder: RunFolder, settings: RunConfig) -> None:
    folder.change_settings(settings, 500)
    assert not list(folder.root.glob("config-until-*"))


def test_two_cannot_train_in_one_folder(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "PATIENCE", 0.1)
    with FileLock(folder.root / ".lock"):
        with pytest.raises(TrainingError, match="another process is training in") as caught, folder.locked():
            pass
        assert caught.value.have
        assert caught.value.hint
    with folder.locked():
        pass


def test_the_lock_ends_with_an_error_inside(folder: RunFolder) -> None:
    with pytest.raises(KeyError), folder.locked():
        raise KeyError
    with folder.locked():
        pass


def test_the_log_is_cut_where_a_resumed_run_begins(folder: RunFolder) -> None:
    for step in (1, 2, 3, 4):
        folder.log({"step": step, "loss": 0.5})
    with folder.log_path.open("ab") as file:
        file.write(b'no json\n[1]\n{"step": "x"}\n{"loss": 1}\n\xff\n{"step": 2, "lo')
    folder.forget_after(2)
    assert [json.loads(line)["step"] for line in folder.log_path.read_text().splitlines()] == [1, 2]
    folder.log({"step": 3})
    assert folder.log_path.read_text().endswith('{"step": 3}\n')


def test_no_log_needs_no_cutting(folder: RunFolder) -> None:
    folder.forget_after(0)
    assert not folder.log_path.exists()


def test_a_log_that_cannot_be_written(folder: RunFolder) -> None:
    folder.log_path.mkdir()
    with pytest.raises(OutputError, match=r"log\.jsonl cannot be written") as caught:
        folder.log({"step": 1})
    assert "checkpoints are untouched" in caught.value.have
    assert "--resume" in caught.value.hint
