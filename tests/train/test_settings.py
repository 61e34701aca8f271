"""What ``config.toml`` holds and ``--set`` changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from imtrans.errors import ConfigError
from imtrans.train.settings import RunConfig

from .toys import CARD, cyclegan


def test_defaults_are_the_authors() -> None:
    settings = RunConfig.defaults(cyclegan(), "pictures")
    assert (settings.model, settings.data) == ("cyclegan", "pictures")
    assert (settings.augmentation.load_size, settings.augmentation.crop_size) == (286, 256)
    assert (settings.train.epochs, settings.train.batch_size, settings.method.lr) == (200, 1, 2e-4)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    changes = ["train.steps=7", "augmentation.flip=false", "generator.ngf=3", "method.lr=1e-3"]
    settings = RunConfig.defaults(cyclegan(), 'a "folder"\\').override(changes)
    path = tmp_path / "config.toml"
    path.write_text(settings.to_toml())
    assert RunConfig.read(path, cyclegan()) == settings
    assert (settings.train.steps, settings.method.generator.ngf, settings.method.lr) == (7, 3, 1e-3)


def test_a_file_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """Settings that it does not know yet keep their defaults."""
    path = tmp_path / "config.toml"
    path.write_text('model = "toy"\ndata = "x"\n[train]\nsteps = 3\n[method]\nlr = 0.5\n')
    settings = RunConfig.read(path, CARD)
    assert (settings.train.steps, settings.train.precision, settings.method.lr) == (3, "auto", 0.5)


@pytest.mark.parametrize(
    ("setting", "words", "exists", "hint"),
    [
        ("generator.ngff=3", "no setting 'generator.ngff'", "generator.ngf", "generator.ngf"),
        ("trian.steps=3", "no setting 'trian.steps'", "train.steps", "'train.steps'"),
        ("batch_size=3", "no setting 'batch_size'", "train.batch_size", "'train.batch_size'"),
        ("zzz=3", "no setting 'zzz'", "lambda_cycle", "imtrans models show cyclegan"),
    ],
)
def test_typos_list_what_exists(setting: str, words: str, exists: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        RunConfig.defaults(cyclegan()).override([setting])
    assert exists in caught.value.have
    assert hint in caught.value.hint


@pytest.mark.parametrize("setting", ["train.stepz=3", "augmentation.crop=3", "method.l=3", "generator.nff=3"])
def test_typos_inside_a_section_list_the_section(setting: str) -> None:
    with pytest.raises(ConfigError, match="there is no setting") as caught:
        RunConfig.defaults(cyclegan()).override([setting])
    assert "Settings" in caught.value.have


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("generator", "is not an assignment"),
        ("=3", "is not an assignment"),
        ("generator=3", "is a group of settings"),
        ("lr=fast", "lr must be a number"),
        ("augmentation.crop_size=9999", "crop_size must lie in"),
    ],
)
def test_assignments_that_mean_nothing(setting: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        RunConfig.defaults(cyclegan()).override([setting])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model = ", "is not valid TOML"),
        ('model = "other"', "about the model 'other', not 'toy'"),
        ("data = 3", "data must be a string"),
        ("[trian]\nsteps = 3", "unknown key 'trian'"),
        ("train = 3", "train must be"),
        ("[train]\nstep = 3", "no setting 'train.step'"),
        ("[train]\nsteps = 0", "steps must be at least 1"),
        ("[method]\nlr = [1]", "method.lr must be a number"),
    ],
)
def test_files_that_are_no_configuration(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        RunConfig.read(path, CARD)
    assert str(path) in caught.value.what


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        RunConfig.read(tmp_path / "nothing.toml", CARD)
