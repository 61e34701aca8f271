"""``imtrans generate`` as typed, with toy networks whose pictures can be computed."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import generating
import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner, Result

from imtrans import registry
from imtrans.card import Card
from imtrans.cli import generate as module
from imtrans.cli import run as run_module
from imtrans.errors import ImtransError, MissingExtraError, OutputError, UsageError
from imtrans.version import __version__
from imtrans.weights.identity import metadata_for
from imtrans.weights.writer import save

CARDS = {
    "plain": generating.CARD,
    "classy": replace(generating.CARD, name="classy"),
    "styled": generating.STYLED,
    "translator": replace(generating.CARD, name="translator", task="translate"),
}
CONFIGS = {"plain": {}, "classy": {"classes": 10}, "styled": {"styles": True}}
APP = typer.Typer()
APP.command("generate")(module.generate)
APP.command("run")(run_module.run)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the weights of each toy."""
    monkeypatch.chdir(tmp_path)
    for name, settings in CONFIGS.items():
        config = generating.Config(**settings)
        state = generating.build(config).state_dict()
        save(tmp_path / f"{name}.safetensors", state, metadata_for(name, config))

    def find(name: str) -> Card:
        return CARDS[name]

    monkeypatch.setattr(registry, "find", find)
    return tmp_path


def generate(model: str, *arguments: str) -> Result:
    command = ["generate", model, "--weights", f"{model}.safetensors", "--device", "cpu", *arguments]
    result = CliRunner().invoke(APP, command)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def metadata(path: Path) -> dict[str, Any]:
    with Image.open(path) as image:
        found: dict[str, Any] = json.loads(image.info["imtrans"])
    return found


def test_a_file_a_seed_with_its_recipe_inside(folder: Path) -> None:
    result = generate("plain", "--seeds", "0-2,42", "-o", "out")
    names = ["seed0000.png", "seed0001.png", "seed0002.png", "seed0042.png"]
    assert sorted(path.name for path in (folder / "out").iterdir()) == names
    first = np.random.RandomState(42).randn(1, 5)[0, 0].astype(np.float32)
    assert pixels(folder / "out" / "seed0042.png")[0, 0, 0] == round((0.2 * first + 1) * 127.5)
    assert metadata(folder / "out" / "seed0042.png") == {
        "model": "plain",
        "weights": "plain.safetensors",
        "seed": 42,
        "precision": "fp32",
        "imtrans": __version__,
    }
    assert result.stdout.splitlines()[0].startswith("plain, weights plain.safetensors, on cpu in fp32")
    assert result.stdout.splitlines()[-1].startswith("4 files in")


def test_sixteen_seeds_unless_told_otherwise(folder: Path) -> None:
    generate("plain")
    assert len(list((folder / "imtrans-output").iterdir())) == 16


def test_batch_size_changes_nothing(folder: Path) -> None:
    for size in ("1", "16"):
        generate("styled", "--seeds", "0-16", "--noise", "random", "--batch-size", size, "-o", size)
    for path in (folder / "1").iterdir():
        assert np.array_equal(pixels(path), pixels(folder / "16" / path.name))


@pytest.mark.parametrize(("name", "kind"), [("x.png", "PNG"), ("x.jpg", "JPEG"), ("x.webp", "WEBP"), ("x.tif", "TIFF")])
def test_one_picture_may_have_a_name_and_a_format(folder: Path, name: str, kind: str) -> None:
    generate("styled", "--seeds", "7", "--truncation-psi", "0.5", "-o", f"new/{name}")
    with Image.open(folder / "new" / name) as image:
        assert (image.format, image.size) == (kind, (10, 4))
        found = json.loads(image.info["imtrans"] if kind == "PNG" else image.getexif()[0x010E])
    assert (found["seed"], found["truncation_psi"], found["noise"]) == (7, 0.5, "const")


def test_every_seed_in_every_class(folder: Path) -> None:
    generate("classy", "--seeds", "3,5", "--class", "0,9", "-o", "out")
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        "seed0003-class0.png", "seed0003-class9.png", "seed0005-class0.png", "seed0005-class9.png",
    ]  # fmt: skip
    assert pixels(folder / "out" / "seed0003-class9.png")[0, 0, 0] == 242
    assert metadata(folder / "out" / "seed0003-class9.png")["class"] == 9
    generate("classy", "--seeds", "3", "--class", "9", "-o", "one")
    assert (folder / "one" / "seed0003.png").exists()


def test_a_grid_is_filled_row_by_row(folder: Path) -> None:
    generate("plain", "--grid", "3x2", "-o", "grid.png")
    generate("plain", "--seeds", "0-5", "-o", "each")
    grid = pixels(folder / "grid.png")
    assert grid.shape == (8, 24, 3)
    assert np.array_equal(grid[4:, 8:16], pixels(folder / "each" / "seed0004.png"))
    assert metadata(folder / "grid.png")["seeds"] == list(range(6))
    generate("classy", "--class", "0-9", "--grid", "2x10", "-o", "classes.png")
    corners = pixels(folder / "classes.png")[::4, ::8, 0]
    assert (corners == np.array([round((k / 10 + 1) * 127.5) for k in range(10)])[:, None]).all()


def test_truncation_moves_towards_the_average(folder: Path) -> None:
    generate("styled", "--seeds", "4", "--truncation-psi", "0", "--truncation-cutoff", "3", "-o", "t.png")
    generate("styled", "--seeds", "4", "-o", "f.png")
    red, full = pixels(folder / "t.png")[0, :, 0], pixels(folder / "f.png")[0, :, 0]
    assert (red[:3] == 140).all()
    assert np.array_equal(red[3:], full[3:])


def cell(matrix: np.ndarray, row: int, column: int) -> np.ndarray:
    return matrix[4 * row : 4 * row + 4, 10 * column : 10 * column + 10]


@pytest.mark.parametrize(
    ("asked", "layers"),
    [("coarse", range(4)), ("middle", range(4, 8)), ("fine", range(8, 10)), ("0-1,5", (0, 1, 5)), (None, range(7))],
)
def test_mixing_changes_the_layers_asked_for_and_no_others(folder: Path, asked: str | None, layers: Any) -> None:
    options = [] if asked is None else ["--mix-layers", asked]
    generate("styled", "--mix-rows", "1,2", "--mix-cols", "7-9", *options, "-o", "mix.png")
    matrix = pixels(folder / "mix.png")
    assert matrix.shape == (4 * 3, 10 * 4, 3)
    rows = [cell(matrix, 1 + place, 0) for place in range(2)]
    columns = [cell(matrix, 0, 1 + place) for place in range(3)]
    lent = np.isin(np.arange(10), list(layers))
    for r, row in enumerate(rows):
        for c, column in enumerate(columns):
            mixed = cell(matrix, 1 + r, 1 + c)
            assert np.array_equal(mixed[:, lent, 0], column[:, lent, 0])
            assert np.array_equal(mixed[:, ~lent, 0], row[:, ~lent, 0])
    found = metadata(folder / "mix.png")
    assert (found["rows"], found["columns"], found["layers"]) == ([1, 2], [7, 8, 9], [int(n) for n in layers])


def test_a_film_leads_through_the_seeds_and_back(folder: Path) -> None:
    generate("plain", "--seeds", "0,1,2", "--interpolate", "--frames", "4", "--fps", "10", "-o", "film.gif")
    generate("plain", "--seeds", "0-2", "-o", "each")
    with Image.open(folder / "film.gif") as film:
        assert film.n_frames == 12
        assert (film.info["duration"], film.info["loop"]) == (100, 0)
        assert json.loads(film.info["comment"])["frames"] == 12
        for seed in range(3):
            film.seek(4 * seed)
            shown = np.asarray(film.convert("RGB")).astype(int)
            assert np.abs(shown - pixels(folder / "each" / f"seed000{seed}.png")).max() <= 2


@pytest.mark.parametrize("space", ["z", "w"])
def test_a_film_of_styles_has_the_noise_of_its_first_seed(folder: Path, space: str) -> None:
    generate("styled", "--seeds", "0-1", "--interpolate", "--frames", "2", "--space", space, "--noise", "random")
    with Image.open(folder / "imtrans-output" / "interpolation.gif") as film:
        greens = []
        for place in range(film.n_frames):
            film.seek(place)
            greens.append(np.asarray(film.convert("RGB"))[..., 1].astype(int))
    assert len(greens) == 4
    assert all(np.abs(green - greens[0]).max() <= 12 for green in greens)


def test_mp4_needs_an_extra_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError) as caught:
        generate("plain", "--seeds", "0,1", "--interpolate", "--format", "mp4")
    assert "imtrans[video]" in caught.value.hint


def test_mp4_through_pyav(folder: Path) -> None:
    av = pytest.importorskip("av")
    generate("plain", "--seeds", "0,1", "--interpolate", "--frames", "5", "-o", "film.mp4")
    with av.open(str(folder / "film.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 10
    assert frames[0].shape == (4, 8, 3)


def test_json_lines() -> None:
    told = [
        json.loads(line) for line in generate("classy", "--seeds", "0-1", "--class", "4", "--json").stdout.splitlines()
    ]
    assert (told[0]["event"], told[0]["model"], told[0]["classes"], told[0]["width"]) == ("start", "classy", 10, 8)
    assert [record["seed"] for record in told if record["event"] == "done"] == [0, 1]
    assert told[1] == {"event": "done", "output": "imtrans-output/seed0000.png", "seed": 0, "class": 4}
    assert (told[-1]["event"], told[-1]["files"]) == ("end", 2)


@pytest.mark.parametrize(
    ("model", "arguments", "words"),
    [
        ("plain", "--seeds 3-1", "runs backwards"),
        ("plain", "--seeds 1;2", "--seeds '1;2' cannot be read"),
        ("plain", "--seeds 0-99999999", "more than 1000000 numbers"),
        ("plain", "--seeds 99999999999", "out of range"),
        ("plain", "--grid 4", "COLUMNSxROWS"),
        ("plain", "--grid 0x4", "COLUMNSxROWS"),
        ("plain", "--grid 4x4 --seeds 0-3", "has 16 places, and there are 4 pictures"),
        ("plain", "--class 1", "know no classes"),
        ("classy", "--class 10", "there is no class 10"),
        ("classy", "", "which class to draw"),
        ("classy", "--class x", "--class 'x' cannot be read"),
        ("classy", "--class 0,1 --interpolate", "an interpolation shows one class"),
        ("plain", "--truncation-psi 0.5", "no styles to truncate"),
        ("plain", "--noise none", "no layers that take noise"),
        ("styled", "--truncation-psi nan", "not nan"),
        ("styled", "--noise loud", "no noise called 'loud'"),
        ("plain", "--mix-rows 0 --mix-cols 1", "has no styles"),
        ("styled", "--mix-rows 0", "needs --mix-cols too"),
        ("styled", "--mix-rows 0 --mix-cols 1 --seeds 2", "has its seeds from"),
        ("styled", "--mix-rows 0 --mix-cols 1 --mix-layers 10", "no layer 10"),
        ("styled", "--mix-rows 0 --mix-cols 1 --mix-layers rough", "coarse, middle, fine"),
        ("styled", "--mix-layers fine", "which layers --mix-cols lends"),
        ("styled", "--grid 2x1 --interpolate", "different things to make"),
        ("plain", "--interpolate --seeds 0", "there is only one"),
        ("plain", "--interpolate --frames 0", "at least 1"),
        ("plain", "--interpolate --space w", "no styles (w)"),
        ("plain", "--interpolate --space q", "no space 'q'"),
        ("plain", "--interpolate --format png", "no format called 'png'"),
        ("plain", "--interpolate -o film.png", "cannot hold this"),
        ("plain", "--format gif", "no format called 'gif'"),
        ("plain", "--format jpg --seeds 0 -o x.png", "contradict"),
        ("plain", "--seeds 0-1 -o x.png", "is one file, and there are 2 pictures"),
    ],
)
def test_what_cannot_be_meant_is_told(folder: Path, model: str, arguments: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        generate(model, *arguments.split())
    assert words in str(caught.value)
    assert not [path for path in folder.rglob("*") if path.suffix in (".png", ".gif", ".part")]


def test_too_many_frames_a_second_for_a_gif() -> None:
    with pytest.raises(OutputError, match="up to 50 frames"):
        generate("plain", "--interpolate", "--fps", "60", "--frames", "100000000")  # told before they are drawn


def test_a_network_without_fine_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generating.Styled, "num_ws", 6)
    monkeypatch.setattr(generating.Styled, "output_size", (4, 6))
    monkeypatch.setattr(generating.Styled, "noise_shapes", ((4, 6),))
    with pytest.raises(UsageError, match="no fine layers, which begin at 8"):
        generate("styled", "--mix-rows", "0", "--mix-cols", "1", "--mix-layers", "fine")
    generate("styled", "--mix-rows", "0", "--mix-cols", "1")  # the usual layers end with the network


def test_nothing_is_left_behind_when_the_disk_refuses(folder: Path) -> None:
    (folder / "busy").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written"):
        generate("plain", "--seeds", "0", "-o", "busy/x.png")


def test_each_command_names_the_other() -> None:
    with pytest.raises(UsageError) as caught:
        generate("translator")
    assert "imtrans run translator" in caught.value.hint
    result = CliRunner().invoke(APP, ["run", "plain"])
    assert isinstance(result.exception, UsageError)
    assert "imtrans generate plain" in result.exception.hint


def test_weights_of_another_model_are_named() -> None:
    with pytest.raises(ImtransError) as caught:
        CliRunner().invoke(
            APP, ["generate", "plain", "--weights", "styled.safetensors"], catch_exceptions=False, standalone_mode=False
        )
    assert "of the model 'styled', not of 'plain'" in caught.value.what
    assert "imtrans generate styled" in caught.value.hint
