"""What is said of a setting that a run has not."""

from __future__ import annotations

import pytest

from imtrans import registry
from imtrans.errors import ConfigError
from imtrans.train.settings import RunConfig


def refusal(model: str, setting: str) -> ConfigError:
    with pytest.raises(ConfigError, match=f"there is no setting '{setting.partition('=')[0]}'") as caught:
        RunConfig.defaults(registry.find(model)).override([setting])
    return caught.value


def test_a_setting_of_a_variant_is_told_with_the_variants_and_what_exists_here() -> None:
    error = refusal("dcgan", "generator.hidden=64")
    assert error.have.startswith("Settings in generator: generator.size, ")
    assert "generator.base_channels" in error.have
    assert "discriminator" not in error.have
    assert error.hint == "The models cgan, gan have 'generator.hidden'."


@pytest.mark.parametrize(
    ("model", "setting", "meant"),
    [
        ("cyclegan", "train.lr=1e-3", "Did you mean 'lr'?"),
        ("cyclegan", "method.batch_size=2", "Did you mean 'train.batch_size'?"),
        ("cyclegan", "ngf=8", "Did you mean 'generator.ngf'?"),
        ("cyclegan", "networks.generator.ngf=8", "Did you mean 'generator.ngf'?"),
        ("dcgan", "base_channels=8", "Did you mean 'generator.base_channels' or 'discriminator.base_channels'?"),
        ("gan", "generator.dropout=0.1", "Did you mean 'discriminator.dropout'?"),
        ("cyclegan", "crop_size=64", "Did you mean 'augmentation.crop_size'?"),
        ("cyclegan", "generator.nfg=8", "Did you mean 'generator.ngf'?"),
        ("dcgan", "generator.ngf=8", "'imtrans models show dcgan' explains each."),
        ("cyclegan", "zzz=8", "'imtrans models show cyclegan' explains each."),
    ],
)
def test_a_namesake_elsewhere_is_meant(model: str, setting: str, meant: str) -> None:
    assert refusal(model, setting).hint == meant


def test_only_the_group_that_was_named_is_listed() -> None:
    assert refusal("cyclegan", "train.stepz=3").have.startswith("Settings in train: train.epochs, ")
    assert refusal("cyclegan", "augmentation.flop=3").hint == "Did you mean 'augmentation.flip'?"
    everything = refusal("cyclegan", "zzz=3").have
    assert all(name in everything for name in ("lambda_cycle", "generator.ngf", "train.steps", "augmentation.flip"))


@pytest.mark.parametrize("group", ["train", "augmentation", "method", "generator"])
def test_a_group_takes_no_value(group: str) -> None:
    with pytest.raises(ConfigError, match=f"'{group}' is a group of settings and takes no value"):
        RunConfig.defaults(registry.find("cyclegan")).override([f"{group}=3"])
