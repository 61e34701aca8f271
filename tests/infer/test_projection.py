"""From a picture back to the styles that draw it, and on to other styles."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imtrans.errors import UsageError, WeightsError
from imtrans.infer.generator import Drawing, Generator
from imtrans.infer.projection import load_latent, pixel_distance, project, save_latent, square
from imtrans.infer.restyle import Restyler
from imtrans.weights.writer import save
from imtrans_gan import dcgan
from imtrans_stylegan2 import card
from imtrans_stylegan2.config import GeneratorConfig
from imtrans_stylegan2.generator import build_generator


@pytest.fixture(scope="module")
def generator() -> Generator:
    """A small StyleGAN2 whose pictures have contrast."""
    torch.manual_seed(0)
    config = GeneratorConfig(resolution=16, channel_max=8, z_dim=8, w_dim=8, mapping_layers=2)
    return Generator(build_generator(config), card, config=config, weights="small")


def picture_of(generator: Generator, ws: torch.Tensor) -> Image.Image:
    """Drawn with the network's own noise."""
    return next(generator.pictures(Drawing(ws, None, (0,))))[0]


@pytest.mark.parametrize("space", ["w", "w+"])
def test_projection_finds_a_picture_of_the_network(generator: Generator, space: str) -> None:
    """The result is much closer to the target than the average picture, and of the space asked for."""
    target = generator([5])[0]
    way = list(project(generator, target, steps=40, space=space))  # type: ignore[arg-type]
    assert [progress.step for progress in way] == list(range(1, 41))
    assert way[-1].distance < 0.6 * way[0].distance
    ws = way[-1].ws
    assert tuple(ws.shape) == (1, 6, 8)
    assert torch.equal(ws[:, 0], ws[:, 5]) == (space == "w")
    found, average = (np.asarray(picture_of(generator, each)).astype(int) for each in (ws, way[0].ws))
    assert np.abs(found - np.asarray(target)).mean() < np.abs(average - np.asarray(target)).mean()


def test_projection_is_the_same_again(generator: Generator) -> None:
    """Its only random numbers come from its seed, and the caller's are left alone."""
    target = generator([5])[0]
    state = torch.random.get_rng_state()
    one, same, other = (list(project(generator, target, steps=2, seed=seed))[-1].ws for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_distance_counts_rough_shapes_more() -> None:
    """Noise of one size costs less than a shift in brightness of that size."""
    x = torch.zeros(1, 3, 16, 16)
    assert pixel_distance(x, x) == 0
    flat = pixel_distance(x + 0.1, x)
    noise = pixel_distance(x + 0.1 * (torch.rand_like(x) > 0.5).float().mul(2).sub(1), x)
    assert flat > 2 * noise
    assert flat == pytest.approx(4 * 0.01)


@pytest.mark.parametrize("size", [(40, 20), (20, 40), (8, 8)])
def test_square_is_the_middle(size: tuple[int, int]) -> None:
    """Nothing is squeezed: the sides that are too long are cut."""
    picture = Image.new("L", size, 0)
    picture.paste(255, (size[0] // 2, 0, size[0], size[1]))
    found = np.asarray(square(picture, (8, 8)))
    assert found.shape == (8, 8, 3)
    assert (found[:, :3] < 3).all()
    assert (found[:, 5:] > 252).all()


def test_latents_survive_a_file(generator: Generator, tmp_path: Path) -> None:
    """And say in their metadata where they are from."""
    from safetensors import safe_open

    ws = torch.randn(1, 6, 8)
    path = save_latent(tmp_path / "x.safetensors", ws, generator, {"steps": 3})
    assert torch.equal(load_latent(path, generator), ws)
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["latent"]) == {"model": "stylegan2", "weights": "small", "steps": 3}


def test_other_files_are_no_latents(generator: Generator, tmp_path: Path) -> None:
    """Weights, and styles of another network."""
    for tensors in ({"weight": torch.ones(1)}, {"ws": torch.ones(1, 18, 512)}):
        path = save(tmp_path / "x.safetensors", tensors)
        with pytest.raises(WeightsError, match="imtrans project stylegan2"):
            load_latent(path, generator)


def test_restyling_changes_the_layers_asked_for(generator: Generator, tmp_path: Path) -> None:
    """All layers: the seed's picture. The last one: nearly the picture itself."""
    ws = generator.draw([1]).codes
    path = save_latent(tmp_path / "x.safetensors", ws, generator, {})
    every = Restyler(generator, 7, range(6))(path)
    assert every.tobytes() == generator([7])[0].tobytes()
    codes = Restyler(generator, 7, [4, 5]).latent(path)
    assert torch.equal(codes, ws)
    some = np.asarray(Restyler(generator, 7, [4, 5])(path)).astype(int)
    own, other = (np.asarray(image).astype(int) for image in generator([1, 7]))
    assert 0 < np.abs(some - own).mean() < np.abs(other - own).mean()


def test_restyling_projects_pictures(generator: Generator, tmp_path: Path) -> None:
    """With as many steps as it is told."""
    generator([3])[0].save(tmp_path / "x.png")
    seen: list[int] = []
    image = Restyler(generator, 7, [5], steps=3)(tmp_path / "x.png", lambda progress: seen.append(progress.step))
    assert seen == [1, 2, 3]
    assert image.size == (16, 16)


def test_what_cannot_be_projected_is_refused(generator: Generator) -> None:
    """A target of another size, no steps, no such space, a model without styles."""
    target = generator([0])[0]
    for wrong in ({"steps": 0}, {"space": "z"}):
        with pytest.raises(UsageError, match="at least one step"):
            next(project(generator, target, **wrong))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="the network draws"):
        next(project(generator, target.resize((8, 8))))
    config = dcgan.network_config.load()()
    plain = Generator(dcgan.build.load()(config), dcgan, config=config)
    with pytest.raises(UsageError, match="no styles"):
        next(project(plain, target))
