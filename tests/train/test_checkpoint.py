"""A checkpoint is there whole, or it is not there."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

from imtrans.errors import OutputError, TrainingError
from imtrans.train.checkpoint import checkpoints, read_checkpoint, step_of, write_checkpoint

from .toys import assert_equal


def networks(width: int = 4) -> nn.ModuleDict:
    return nn.ModuleDict({"generator": nn.Conv2d(3, width, 3), "critic": nn.BatchNorm2d(width)})


def write(folder: Path, step: int, nets: nn.ModuleDict, keep: int = 3) -> Path:
    state = {"step": step, "numbers": torch.arange(5000), "pair": (1, None)}
    return write_checkpoint(folder, step, nets, {"generator": {"imtrans": "{}"}}, state, keep)


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Files cannot grow past ``size`` bytes: the system answers as it does on a full disk, with an error on writing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    one, other = networks(), networks()
    path = write(tmp_path, 12, one)
    assert path.name == "step-00000012"
    state = read_checkpoint(path, other)
    assert_equal(one.state_dict(), other.state_dict())
    assert (state["step"], state["pair"]) == (12, (1, None))
    with safe_open(path / "generator.safetensors", framework="pt") as file:
        assert file.metadata() == {"imtrans": "{}"}


def test_the_oldest_go_and_the_order_is_of_numbers(tmp_path: Path) -> None:
    for step in (999, 1000, 123456789):
        write(tmp_path, step, networks(), keep=2)
    assert [step_of(path) for path in checkpoints(tmp_path)] == [1000, 123456789]


def test_a_protected_one_stays_though_it_is_the_oldest(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        write_checkpoint(tmp_path, step, networks(), {}, {}, 1, protected=(1,))
    assert [step_of(path) for path in checkpoints(tmp_path)] == [1, 3]


def test_strangers_are_no_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "step-00000001").mkdir()
    (tmp_path / "notes").mkdir()
    assert checkpoints(tmp_path) == []
    assert checkpoints(tmp_path / "missing") == []


@pytest.mark.parametrize("size", [0, 200, 4096])
def test_a_full_disk_leaves_the_earlier_whole(tmp_path: Path, size: int) -> None:
    """Room for nothing, for a part of a network, and for the networks without the state."""
    nets = networks()
    first = write(tmp_path, 1, nets)
    expected = {key: value.clone() for key, value in nets.state_dict().items()}
    with torch.no_grad():
        nets["generator"].weight.add_(1)
    with pytest.raises(OutputError, match="step-00000002 could not be written") as caught, room_for(size):
        write(tmp_path, 2, nets)
    assert "step-00000001" in caught.value.have
    assert "--resume" in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == [first.name]
    read_checkpoint(first, nets)
    assert_equal(nets.state_dict(), expected)


def test_a_disk_with_room_again_goes_on(tmp_path: Path) -> None:
    with pytest.raises(OutputError), room_for(0):
        write(tmp_path, 1, networks())
    assert write(tmp_path, 1, networks()).is_dir()


def test_writing_a_step_again_replaces_it(tmp_path: Path) -> None:
    write(tmp_path, 1, networks())
    nets, found = networks(), networks()
    read_checkpoint(write(tmp_path, 1, nets), found)
    assert_equal(nets.state_dict(), found.state_dict())
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_files_honour_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        path = write(tmp_path, 1, networks())
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o777 & ~mask
    for file in path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~mask, file.name


@pytest.mark.parametrize("name", ["state.pt", "generator.safetensors"])
@pytest.mark.parametrize("damage", ["cut", "text", "zeros", "missing"])
def test_damage_is_told_in_words(tmp_path: Path, name: str, damage: str) -> None:
    write(tmp_path, 1, networks())
    path = write(tmp_path, 2, networks())
    file = path / name
    if damage == "missing":
        file.unlink()
    else:
        whole = file.read_bytes()
        file.write_bytes({"cut": whole[:-100], "text": b"hello", "zeros": bytes(len(whole))}[damage])
    with pytest.raises(TrainingError, match="step-00000002 cannot be read") as caught:
        read_checkpoint(path, networks())
    assert "step-00000001" in caught.value.have
    assert "--resume" in caught.value.hint


def test_other_networks_are_refused_and_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path, 1, networks())
    wide = networks(5)
    before = {key: value.clone() for key, value in wide.state_dict().items()}
    with pytest.raises(TrainingError, match="another generator than the settings") as caught:
        read_checkpoint(path, wide)
    assert "(4, 3, 3, 3) in the checkpoint and (5, 3, 3, 3)" in caught.value.have
    assert_equal(wide.state_dict(), before)
