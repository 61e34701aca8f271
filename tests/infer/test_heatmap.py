"""Heatmaps: levels, colours, the picture beneath them, and how they are asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor
from torch.nn import functional
from toys import CARD, Enlarge, Identity

from imtrans.errors import UsageError
from imtrans.infer.heatmap import COLOURS, OPACITY, STOPS, colours_of, laid_over, levels_of
from imtrans.infer.plan import collect, plan
from imtrans.infer.runner import Options, translate_files
from imtrans.infer.translator import Translator

LOOKS = replace(CARD, heatmap=True)


class Attentive(Identity):
    """Looks at what is bright, with a quarter of the picture's resolution."""

    def __init__(self) -> None:
        super().__init__(multiple=4, minimum=8)
        self.attended = 0

    def forward(self, x: Tensor, attention: bool = False) -> Tensor | SimpleNamespace:
        image = super().forward(x)
        if not attention:
            return image
        self.attended += 1
        return SimpleNamespace(image=image, heatmap=100 * functional.avg_pool2d(x.mean(1, keepdim=True), 4) - 7)


def spot(width: int = 48, height: int = 32) -> np.ndarray:
    """Black, with a white square in the upper left quarter."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[4:12, 4:12] = 255
    return pixels


# --- levels and colours ---------------------------------------------------------------------------------------------


def test_levels_go_from_0_to_1_in_each_picture() -> None:
    heat = torch.tensor([[[[3.0, 5.0], [4.0, 7.0]]], [[[-30.0, -10.0], [-20.0, -10.0]]]])
    assert levels_of(heat).flatten(1).tolist() == [[0.0, 0.5, 0.25, 1.0], [0.0, 1.0, 0.5, 1.0]]
    assert levels_of(torch.full((1, 1, 2, 2), 5.0)).eq(0).all()


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_colours_run_from_stop_to_stop(levels: list[float]) -> None:
    colours = colours_of(np.array(levels))
    assert colours.shape == (len(levels), 3)
    for level, colour in zip(levels, colours, strict=True):
        place = min(int(level * 4), 3)
        share = (level - STOPS[place]) * 4
        expected = (1 - share) * np.array(COLOURS[place]) + share * np.array(COLOURS[place + 1])
        assert np.allclose(colour, expected, atol=1e-9)


def test_the_picture_shows_through() -> None:
    pictures = torch.tensor([0, 255], dtype=torch.uint8).view(1, 1, 1, 2).expand(1, 3, 1, 2)
    over = laid_over(pictures, torch.ones(1, 1, 1, 2))
    hot = torch.tensor(COLOURS[-1])
    assert torch.allclose(over[0, :, 0, 0], OPACITY * hot)
    assert torch.allclose(over[0, :, 0, 1], OPACITY * hot + 1 - OPACITY)
    assert laid_over(pictures.float() / 255, torch.ones(1, 1, 1, 1)).equal(over)


# --- the translator -------------------------------------------------------------------------------------------------


def test_levels_lie_where_the_network_looked() -> None:
    batch = torch.from_numpy(spot()).permute(2, 0, 1)[None]
    results, levels = Translator(Attentive(), LOOKS).attend(torch.cat([batch, batch.flip(3)]))
    assert results.shape == (2, 3, 32, 48)
    assert levels.shape == (2, 1, 32, 48)
    assert (levels[0, 0, 8, 8], levels[0, 0, 28, 40]) == (1, 0)
    assert (levels[1, 0, 8, 39], levels[1, 0, 28, 7]) == (1, 0)
    assert torch.equal((results * 255).round().to(torch.uint8), torch.cat([batch, batch.flip(3)]))


def test_pictures_share_a_pass_where_they_can() -> None:
    network = Attentive()
    translator = Translator(network, LOOKS)
    batch = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    results, levels = translator.attend(batch)
    assert network.attended == 1
    for single, result, level in zip(batch.split(1), results.split(1), levels.split(1), strict=True):
        assert all(torch.allclose(x, y) for x, y in zip(translator.attend(single), (result, level), strict=True))


def test_padding_takes_no_part_in_the_levels() -> None:
    """The spot is mirrored into the padding, and the greatest of what remains is 1 all the same."""
    odd = torch.rand(1, 3, 13, 30, generator=torch.Generator().manual_seed(0))
    _, levels = Translator(Attentive(), LOOKS).attend(odd)
    assert levels.shape == (1, 1, 13, 30)
    assert torch.aminmax(levels) == (0, 1)


def test_a_fixed_size_is_undone() -> None:
    network = Attentive()
    network.fixed_size = 16
    translator = Translator(network, LOOKS)
    assert "takes pictures of 16 x 16 pixels" in translator.notes[0]
    results, levels = translator.attend(torch.from_numpy(spot()).permute(2, 0, 1)[None])
    assert network.seen == [(1, 3, 16, 16)]
    assert results.shape == (1, 3, 32, 48)
    assert levels.shape == (1, 1, 32, 48)
    assert levels[0, 0, 8, 8] > 0.7 > 0.1 > levels[0, 0, 28, 40]


def test_heatmaps_are_the_callers_kind_of_image() -> None:
    translator = Translator(Attentive(), LOOKS)
    transparent = Image.fromarray(spot()).convert("RGBA")
    transparent.putalpha(Image.fromarray(np.arange(32 * 48, dtype=np.uint32).reshape(32, 48).astype(np.uint8)))
    over = translator.heatmap(transparent)
    assert (over.mode, over.size) == ("RGBA", (48, 32))
    assert np.array_equal(np.asarray(over)[..., 3], np.asarray(transparent)[..., 3])
    array = translator.heatmap(spot())
    assert np.array_equal(array, np.asarray(over.convert("RGB")))
    red, _, blue = array[8, 8].astype(int)
    assert red > blue + 50  # hot
    assert array[28, 40, 2] > array[28, 40, 0]  # cold


def test_results_may_be_larger_than_pictures() -> None:
    class Enlarged(Enlarge):
        def forward(self, x: Tensor, attention: bool = False) -> Tensor | SimpleNamespace:
            image = super().forward(x)
            return SimpleNamespace(image=image, heatmap=x[:, :1]) if attention else image

    translator = Translator(Enlarged(), replace(LOOKS, scale=2))
    results, levels = translator.attend(torch.rand(1, 3, 6, 9))
    assert results.shape[-2:] == levels.shape[-2:] == (12, 18)
    assert translator.heatmap(spot()).shape == (32, 48, 3)


def test_models_without_one_say_so() -> None:
    with pytest.raises(UsageError, match="'toy' has no heatmap") as caught:
        Translator(Identity(), CARD).heatmap(spot())
    assert "ugatit" in caught.value.have


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(spot()).save("a.jpg")
    Image.fromarray(spot(20, 20)).save("b.png")
    return tmp_path


def test_heatmaps_are_written_beside_the_results(folder: Path) -> None:
    network = Attentive()
    jobs = plan(collect(["a.jpg", "b.png"]), Path("out"), compare=True, heatmap=True)
    summary = translate_files(Translator(network, LOOKS), jobs, Options(compare=True))
    assert summary.done == 2
    names = sorted(path.name for path in Path("out").iterdir())
    assert names == ["a-compare.jpg", "a-heatmap.png", "b-compare.png", "b-heatmap.png"]
    assert Image.open("out/a-heatmap.png").size == (48, 32)
    assert Image.open("out/a-compare.jpg").size == (96, 32)
    assert network.attended == 2


def test_skipping_asks_for_both_files(folder: Path) -> None:
    jobs = plan(collect(["a.jpg", "b.png"]), Path("out"), heatmap=True)
    translator = Translator(Attentive(), LOOKS)
    translate_files(translator, jobs)
    Path("out/b-heatmap.png").unlink()
    summary = translate_files(translator, jobs, Options(skip_existing=True))
    assert (summary.done, summary.skipped) == (1, 1)
    assert Path("out/b-heatmap.png").exists()


def test_names_of_heatmaps_can_be_taken(folder: Path) -> None:
    Path("a.png").touch()
    with pytest.raises(UsageError, match=r"would both be written to .*a-heatmap\.png"):
        plan(collect(["a.jpg", "a.png"]), Path("out"), heatmap=True)
    Path("b-heatmap.png").touch()
    with pytest.raises(UsageError, match="would replace the input"):
        plan(collect(["b.png", "b-heatmap.png"]), Path("b2.png").parent, heatmap=True)
    (job,) = plan(collect(["b.png"]), Path("out/result.webp"), heatmap=True)
    assert job.targets == (Path("out/result.webp"), Path("out/result-heatmap.png"))
