"""What CycleGAN's recogniser tells from keys and shapes alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imtrans.errors import WeightsError
from imtrans.nn.discriminators import build_discriminator
from imtrans.nn.generators import build_generator
from imtrans.weights.loading import load_network
from imtrans.weights.store import cached_path
from imtrans_cyclegan import card
from imtrans_cyclegan.config import DiscriminatorConfig, GeneratorConfig
from imtrans_cyclegan.official import LICENCE, OFFICIAL
from imtrans_cyclegan.recognise import describe, recognise

Shapes = dict[str, tuple[int, ...]]


def shapes_of(network: torch.nn.Module) -> Shapes:
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


def generator(config: GeneratorConfig) -> Shapes:
    with torch.device("meta"):
        return shapes_of(build_generator(config))


def authors_resnet(blocks: int, ngf: int, *, dropout: bool, batch: bool) -> Shapes:
    """Keys and shapes as the authors' ResnetGenerator has them, written down from its description."""
    found: Shapes = {}

    def conv(place: str, *shape: int, bias: bool) -> None:
        found[f"{place}.weight"] = shape
        if bias:
            found[f"{place}.bias"] = (shape[1] if place in up else shape[0],)

    def norm(place: str, width: int) -> None:
        if batch:
            names = ("weight", "bias", "running_mean", "running_var")
            found.update({f"{place}.{name}": (width,) for name in names})
            found[f"{place}.num_batches_tracked"] = ()

    up = {f"model.{10 + blocks}", f"model.{13 + blocks}"}
    conv("model.1", ngf, 3, 7, 7, bias=not batch)
    norm("model.2", ngf)
    for place, width in ((4, ngf), (7, 2 * ngf)):
        conv(f"model.{place}", 2 * width, width, 3, 3, bias=not batch)
        norm(f"model.{place + 1}", 2 * width)
    for block in range(blocks):
        for place in (1, 6 if dropout else 5):
            conv(f"model.{10 + block}.conv_block.{place}", 4 * ngf, 4 * ngf, 3, 3, bias=not batch)
            norm(f"model.{10 + block}.conv_block.{place + 1}", 4 * ngf)
    for place, width in ((10 + blocks, 4 * ngf), (13 + blocks, 2 * ngf)):
        conv(f"model.{place}", width, width // 2, 3, 3, bias=not batch)
        norm(f"model.{place + 1}", width // 2)
    conv(f"model.{17 + blocks}", 3, ngf, 7, 7, bias=True)
    return found


def visible(config: GeneratorConfig) -> GeneratorConfig:
    """The configuration with what leaves no trace in keys and shapes set to the recogniser's assumption."""
    changes: dict[str, Any] = {}
    if config.kind == "unet":
        changes = {"blocks": 9, "padding": "reflect", "dropout": False}
    else:
        changes["downs"] = 8
        if config.blocks == 0:
            changes |= {"dropout": False, "padding": "reflect"}
        elif config.padding == "replicate":
            changes["padding"] = "reflect"
    if config.bias == (config.norm == "instance"):
        changes["bias"] = None
    # Without parameters of their own, instance norm and none differ by the biases that the authors give one of them.
    if config.norm != "batch":
        changes |= {"norm": "instance" if config.has_bias else "none", "bias": None}
    return dataclasses.replace(config, **changes)


configs = st.builds(
    GeneratorConfig,
    kind=st.sampled_from(["resnet", "unet"]),
    input_nc=st.integers(1, 5),
    output_nc=st.integers(1, 5),
    ngf=st.integers(1, 12),
    blocks=st.integers(0, 10),
    downs=st.integers(5, 9),
    norm=st.sampled_from(["instance", "batch", "none"]),
    padding=st.sampled_from(["reflect", "replicate", "zero"]),
    dropout=st.booleans(),
    upsample=st.sampled_from(["transpose", "resize"]),
    bias=st.sampled_from([None, True, False]),
)


@given(configs)
@settings(deadline=None, max_examples=60)
def test_every_generator_of_ours_is_recognised(config: GeneratorConfig) -> None:
    found = recognise(generator(config))
    assert found == visible(config)
    assert generator(found) == generator(config)


@pytest.mark.parametrize("blocks", [6, 9])
@pytest.mark.parametrize("ngf", [32, 64])
@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("batch", [False, True])
def test_the_authors_generators_are_recognised(blocks: int, ngf: int, dropout: bool, batch: bool) -> None:
    expected = GeneratorConfig(ngf=ngf, blocks=blocks, dropout=dropout, norm="batch" if batch else "instance")
    shapes = authors_resnet(blocks, ngf, dropout=dropout, batch=batch)
    assert recognise(shapes) == expected
    assert generator(expected) == shapes


def test_legacy_statistics_mean_instance_norm() -> None:
    shapes = authors_resnet(9, 64, dropout=False, batch=False)
    legacy = {f"model.2.{name}": (64,) for name in ("running_mean", "running_var")}
    assert recognise({**shapes, **legacy}) == GeneratorConfig()
    bare = {key: shape for key, shape in shapes.items() if not key.endswith(".bias") or key == "model.26.bias"}
    assert recognise(bare) == GeneratorConfig(norm="none")
    assert recognise({**bare, **legacy}) == GeneratorConfig(norm="instance", bias=False)


@pytest.mark.parametrize(("downs", "name"), [(7, "unet_128"), (8, "unet_256")])
def test_the_authors_unets_are_recognised(downs: int, name: str) -> None:
    prefix = "model.model.1.model." + "3.model." * (downs - 2)
    shapes = generator(GeneratorConfig(kind="unet", downs=downs, norm="batch"))
    assert shapes[f"{prefix}1.weight"] == (512, 512, 4, 4), name
    found = recognise(shapes)
    assert found == GeneratorConfig(kind="unet", downs=downs, norm="batch")


def test_a_generator_that_lacks_a_key_is_still_recognised_for_the_loading_to_name_it() -> None:
    shapes = authors_resnet(6, 8, dropout=False, batch=False)
    del shapes["model.13.conv_block.5.bias"]
    assert recognise(shapes) == GeneratorConfig(ngf=8, blocks=6)


@pytest.mark.parametrize(
    "config",
    [DiscriminatorConfig(), DiscriminatorConfig(layers=5, norm="batch"), DiscriminatorConfig(kind="pixel", ndf=8)],
)
def test_a_discriminator_is_told_as_one(config: DiscriminatorConfig) -> None:
    shapes = shapes_of(build_discriminator(config))
    assert recognise(shapes) is None
    assert describe(shapes) == "a CycleGAN discriminator, not a generator"


def test_relatives_are_told_apart() -> None:
    ours = authors_resnet(9, 64, dropout=False, batch=False)
    mmagic = {key.replace(".weight", ".conv.weight"): shape for key, shape in ours.items()}
    assert (recognise(mmagic), "mmagic" in (describe(mmagic) or "")) == (None, True)
    cut = {"model.1.weight": (64, 3, 7, 7), "model.4.weight": (128, 64, 3, 3), "model.7.filt": (128, 1, 3, 3)}
    assert (recognise(cut), "CUT" in (describe(cut) or "")) == (None, True)
    pix2pixhd = {
        "model.1.weight": (64, 36, 7, 7),
        **{f"model.{4 + 3 * n}.weight": (128 << n, 64 << n, 3, 3) for n in range(4)},
        "model.16.conv_block.1.weight": (1024, 1024, 3, 3),
    }
    assert (recognise(pix2pixhd), "pix2pixHD" in (describe(pix2pixhd) or "")) == (None, True)
    scaled = {**ours, "model.2.weight": (64,), "model.2.bias": (64,)}
    assert recognise(scaled) is None


names = st.sampled_from(
    [*authors_resnet(2, 4, dropout=False, batch=True), *generator(GeneratorConfig(kind="unet", ngf=2, downs=5))]
)


@given(st.dictionaries(names | st.text(max_size=20), st.lists(st.integers(0, 9), max_size=5).map(tuple), max_size=30))
def test_no_keys_and_shapes_at_all_make_it_fail(shapes: Shapes) -> None:
    assert recognise(shapes) is None or isinstance(recognise(shapes), GeneratorConfig)
    assert describe(shapes) is None or isinstance(describe(shapes), str)


# --- the whole way --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zipped", [True, False])
def test_an_official_looking_checkpoint_loads_with_nothing_renamed(tmp_path: Path, zipped: bool) -> None:
    shapes = authors_resnet(9, 8, dropout=True, batch=False)
    tensors = {f"module.{key}": torch.randn(shape) * 0.02 for key, shape in shapes.items()}
    tensors |= {"module.model.2.running_mean": torch.ones(8), "module.model.2.running_var": torch.ones(8)}
    path = tmp_path / "latest_net_G.pth"
    torch.save(tensors, path, _use_new_zipfile_serialization=zipped)
    loaded = load_network(card, path)
    assert loaded.config == GeneratorConfig(ngf=8, dropout=True)
    with torch.no_grad():
        assert loaded.network(torch.zeros(1, 3, 16, 16)).shape == (1, 3, 16, 16)
    own = loaded.network.state_dict()
    assert all(torch.equal(own[key], tensors[f"module.{key}"]) for key in own)


def test_a_discriminators_file_is_refused_as_one(tmp_path: Path) -> None:
    path = tmp_path / "latest_net_D_A.pth"
    torch.save(build_discriminator(DiscriminatorConfig(ndf=8)).state_dict(), path)
    with pytest.raises(WeightsError, match="no weights that the model 'cyclegan' can run") as caught:
        load_network(card, path)
    assert "a CycleGAN discriminator, not a generator" in caught.value.have


# --- the official weights -------------------------------------------------------------------------------------------


def test_the_official_weights_have_addresses_terms_and_room() -> None:
    assert len(OFFICIAL) == len({weights.name for weights in OFFICIAL}) == 18
    for weights in OFFICIAL:
        assert weights.url == f"http://efrosgans.eecs.berkeley.edu/cyclegan/pretrained_models/{weights.name}.pth"
        assert "not stated" in weights.licence
        assert "into" in weights.summary
        assert weights.licence == LICENCE
        assert cached_path(card, weights).name == f"{weights.name}.pth"


def test_a_resnet_9_generator_has_room_in_an_official_download() -> None:
    size = 4 * sum(torch.Size(shape).numel() for shape in generator(GeneratorConfig()).values())
    assert size == 4 * 11_378_179
    assert 1.2 * size < OFFICIAL[0].max_size < 2 * size
