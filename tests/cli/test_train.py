"""``imtrans train`` as its users type it, right and wrong."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imtrans import registry
from imtrans.cli.main import main
from imtrans.config import read_toml

TINY = (
    *("--load-size", "10", "--crop-size", "8", "--set", "train.workers=0"),
    *("--set", "generator.ngf=2", "--set", "generator.blocks=0"),
    *("--set", "discriminator.ndf=2", "--set", "discriminator.layers=1"),
)


@dataclass
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str


Train = Callable[..., Done]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Train:
    """Run ``imtrans train cyclegan ...`` in a folder with pictures in ``data``."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for domain in ("trainA", "trainB"):
        (tmp_path / "data" / domain).mkdir(parents=True)
        for number in range(3):
            pixels = random.integers(256, size=(9, 9, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / domain / f"{number}.png")

    def command(*arguments: str, model: str = "cyclegan") -> Done:
        monkeypatch.setattr(sys, "argv", ["imtrans", "train", model, *arguments])
        status = 0
        try:
            main()
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return Done(status, told.out, told.err)

    return command


def test_a_run_from_pictures_to_weights(train: Train, tmp_path: Path) -> None:
    done = train("--data", "data", "--output", "run", "--steps", "3", *TINY, "--set", "train.log_every=2")
    assert (done.status, "error" in done.err) == (0, False)
    assert "3 pictures of A, 3 pictures of B" in done.out
    assert "step 2/3 " in done.out
    assert "finished after 3 steps" in done.out
    weights = "run/checkpoints/step-00000003/generator_ab.safetensors"
    assert f"imtrans run cyclegan --weights {weights}" in done.out
    assert (tmp_path / weights).is_file()
    settings = read_toml(tmp_path / "run" / "config.toml")
    assert settings["data"] == str(tmp_path / "data")
    assert (settings["train"]["steps"], settings["method"]["generator"]["ngf"]) == (3, 2)


def test_programs_get_json(train: Train) -> None:
    done = train("--data", "data", "--output", "run", "--steps", "2", *TINY, "--json", "--set", "train.log_every=1")
    events = [json.loads(line) for line in done.out.splitlines()]
    assert [event["event"] for event in events] == ["start", "step", "step", "end"]
    assert (events[0]["step"], events[0]["steps"], events[0]["pictures"]) == (0, 2, {"A": 3, "B": 3})
    assert {"gan_ab", "cycle_a", "discriminator_b"} <= events[1]["losses"].keys()
    assert (events[-1]["finished"], events[-1]["step"]) == (True, 2)
    assert all(Path(path).is_file() for path in events[-1]["weights"])


def test_resume_goes_on_and_writes_down_what_changed(train: Train, tmp_path: Path) -> None:
    train("--data", "data", "--output", "run", "--steps", "2", *TINY)
    again = train("--output", "run", "--resume")
    assert (again.status, "finished after 2 steps" in again.out) == (0, True)
    done = train("--output", "run", "--resume", "--steps", "4", "--set", "lambda_cycle=5")
    assert "steps 2 to 4" in done.out
    assert read_toml(tmp_path / "run" / "config.toml")["method"]["lambda_cycle"] == 5
    assert read_toml(tmp_path / "run" / "config-until-00000002.toml")["method"]["lambda_cycle"] == 10


def test_resume_from_another_folder(train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train("--data", "data", "--output", "run", "--steps", "1", *TINY)
    monkeypatch.chdir("/")
    assert train("--output", str(tmp_path / "run"), "--resume", "--steps", "2").status == 0


def test_the_settings_of_another_run(train: Train, tmp_path: Path) -> None:
    train("--data", "data", "--output", "run", "--steps", "1", *TINY)
    done = train("--output", "other", "--config", "run/config.toml", "--seed", "4")
    assert done.status == 0
    settings = read_toml(tmp_path / "other" / "config.toml")
    assert (settings["train"]["seed"], settings["method"]["generator"]["ngf"]) == (4, 2)


def test_unreadable_pictures_are_told_with_their_number(train: Train, tmp_path: Path) -> None:
    (tmp_path / "data" / "trainA" / "0.png").write_bytes(b"")
    (tmp_path / "data" / "trainB" / "1.png").write_text("hello")
    arguments = ("--data", "data", "--steps", "12", *TINY)
    done = train(*arguments, "--output", "run")
    assert done.status == 0
    assert done.out.count("left out: ") == 2
    assert "2 pictures could not be read and were left out" in done.out
    events = [json.loads(line) for line in train(*arguments, "--output", "run2", "--json").out.splitlines()]
    assert {Path(event["path"]).name for event in events if event["event"] == "unreadable"} == {"0.png", "1.png"}
    assert events[-1]["unreadable"] == 2


def test_many_unreadable_pictures_do_not_flood_the_screen(train: Train, tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / "data" / "trainA" / f"bad{number}.png").write_bytes(b"")
    done = train("--data", "data", "--output", "run", "--steps", "30", *TINY)
    assert done.out.count("left out: ") == 6
    assert "20 pictures could not be read" in done.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--output", "new"), ("training needs pictures", "--data FOLDER")),
        (("--output", "new", "--data", "nowhere"), ("nowhere does not exist", "holds data/", "--data")),
        (("--output", "new", "--data", "data/trainA"), ("has no folder trainA", "0.png")),
        (("--output", "new", "--data", "data", "--set", "generator.nff=3"), ("no setting 'generator.nff'", "ngf")),
        (("--output", "new", "--data", "data", "--set", "batch_size=3"), ("'batch_size'", "Did you mean 'train.batch")),
        (("--output", "new", "--data", "data", "--crop-size", "300"), ("crop_size must lie in 1..load_size (286)",)),
        (("--output", "new", "--data", "data", "--crop-size", "6"), ("crop_size 6 does not fit", "--crop-size 24")),
        (("--output", "new", "--data", "data", "--crop-size", "16"), ("crop_size 16 does not fit", "from 24 up")),
        (("--output", "new", "--data", "data", "--steps", "0"), ("steps must be at least 1",)),
        (("--output", "new", "--data", "data", "--seed", "-1"), ("seed must lie in",)),
        (("--output", "new", "--data", "data", "--precision", "fp8"), ("must be 'auto', 'fp32', 'bf16' or 'fp16'",)),
        (("--output", "new", "--data", "data", "--backend", "fast"), ("must be 'auto', 'fused' or 'reference'",)),
        (("--output", "new", "--data", "data", "--device", "gpu"), ("no device called 'gpu'",)),
        (("--output", "new", "--config", "nothing.toml"), ("cannot read the configuration nothing.toml",)),
        (("--output", "new", "--data", "data", "--devices", "0"), ("--devices must be at least 1",)),
        (
            ("--output", "new", "--data", "data", "--devices", "2", "--device", "cuda:0"),
            ("names one device, and --devices 2 several", "--device cuda"),
        ),
        (("--output", "new", "--data", "data", "--devices", "2", "--set", "lrr=1"), ("no setting 'lrr'",)),
        (("--output", "new", "--data", "data", "--init-from", "nowhere"), ("no weights to start from in",)),
        (("--output", "new", "--data", "data", "--evaluate-every", "5"), ("testA",)),
        (
            ("--output", "new", "--data", "data", "--set", "train.best_metric=kid"),
            ("best_metric needs evaluate_every",),
        ),
        (("--output", "new", "--resume"), ("new is no training run", "config.toml", "--output")),
        (("--output", "new", "--resume", "--config", "x"), ("--resume and --config contradict",)),
        (
            ("--output", "new", "--data", "data", "--set", "generator.input_nc=1", "--set", "generator.output_nc=1"),
            ("generator.input_nc is 1", "RGB"),
        ),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_made(
    train: Train, tmp_path: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    done = train(*arguments)
    assert done.status in (1, 2)
    assert done.out == ""
    assert all(word in done.err for word in words), done.err
    assert not (tmp_path / "new").exists()


def test_an_output_that_is_a_file(train: Train, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    done = train("--data", "data", "--output", "file", "--steps", "1", *TINY)
    assert (done.status, "file cannot be written" in done.err) == (1, True)
    assert (tmp_path / "file").read_text() == "precious"


def test_a_folder_that_holds_a_run(train: Train) -> None:
    train("--data", "data", "--output", "run", "--steps", "1", *TINY)
    done = train("--data", "data", "--output", "run", "--steps", "1", *TINY)
    assert (done.status, "holds a training run already" in done.err, "--resume" in done.err) == (1, True, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--seed", "3"), ("a run keeps its seed, which is 0", "another --output")),
        (("--init-from", "data"), ("a run keeps its init_from, which is none",)),
        (("--steps", "1"), ("has 2 steps behind it, more than the 1", "--steps with more than 2")),
        (("--set", "generator.ngf=3"), ("holds another generator_ab than the settings",)),
        (("--data", "nowhere"), ("nowhere does not exist",)),
    ],
)
def test_what_a_resumed_run_cannot_change(
    train: Train, tmp_path: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    train("--data", "data", "--output", "run", "--steps", "2", *TINY)
    before = (tmp_path / "run" / "config.toml").read_bytes()
    done = train("--output", "run", "--resume", *arguments)
    assert done.status in (1, 2)
    assert all(word in done.err for word in words), done.err
    assert (tmp_path / "run" / "config.toml").read_bytes() == before


def test_models_that_do_not_exist(train: Train) -> None:
    done = train("--output", "run", model="cyclegam")
    assert (done.status, "Did you mean 'cyclegan'?" in done.err) == (2, True)


def test_models_that_are_only_run(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    card = replace(registry.find("cyclegan"), name="frozen", method=None, method_config=None)
    monkeypatch.setattr(registry, "find", lambda name: card)
    done = train("--output", "run", model="frozen")
    assert (done.status, "can be run, but not trained" in done.err, "imtrans run frozen" in done.err) == (2, True, True)
    assert "Trainable: " in done.err
    assert " cyclegan," in done.err


def test_a_start_from_another_run_is_told_and_written_down(train: Train, tmp_path: Path) -> None:
    train("--data", "data", "--output", "run", "--steps", "2", *TINY)
    done = train("--data", "data", "--output", "next", "--steps", "1", "--init-from", "run", *TINY)
    assert (done.status, "starting from the weights in" in done.out) == (0, True)
    assert read_toml(tmp_path / "next" / "config.toml")["train"]["init_from"] == str(tmp_path / "run")
    assert train("--output", "next", "--resume", "--steps", "2").status == 0


def test_the_best_by_a_metric_is_kept_and_exported(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a network of the test's own in the place of Inception."""
    for domain in "AB":
        shutil.copytree(tmp_path / "data" / f"train{domain}", tmp_path / "data" / f"test{domain}")
    (tmp_path / "judge.py").write_text("def features(x):\n    return x.flatten(2)[:, :, :4].flatten(1).double()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    judged = ("--evaluate-every", "2", "--set", "train.metrics=kid,cycle", "--set", "train.best_metric=a2b/kid")
    features = ("--set", "train.evaluate_features=judge:features")
    done = train("--data", "data", "--output", "run", "--steps", "4", *TINY, *judged, *features)
    assert done.status == 0, done.err
    assert "a2b/kid=" in done.out
    assert "b2a/cycle=" in done.out
    assert "the best so far" in done.out
    best = json.loads((tmp_path / "run" / "checkpoints" / "best.json").read_text())
    assert (best["metric"], best["step"] in (2, 4)) == ("a2b/kid", True)
    typo = train("--data", "data", "--output", "new", *TINY, "--evaluate-every", "2", "--set", "train.metrics=kit")
    assert (typo.status, "kit" in typo.err) == (2, True)


@pytest.mark.slow
def test_a_batch_that_two_devices_cannot_share(train: Train, tmp_path: Path) -> None:
    done = train("--data", "data", "--output", "new", "--devices", "2", "--device", "cpu", *TINY)
    assert (done.status, done.out) == (2, "")
    assert "a batch of 1 cannot be shared out evenly to 2 devices" in done.err
    assert "--batch-size 2" in done.err
    assert not (tmp_path / "new").exists()
