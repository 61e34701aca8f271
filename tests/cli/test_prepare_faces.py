"""``imtrans prepare faces``, as its users type it; the faces are drawn, and so is who finds them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imtrans.cli.main import main

sys.path.insert(0, str(Path(__file__).parents[1] / "data" / "prepare" / "faces"))

from drawn import Detector, draw, portrait

TOOLS = ("--detector", "drawn:Detector", "--segmenter", "drawn:segment")
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def prepare(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Run the command with drawn tools in an empty folder; gives status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str, tools: tuple[str, ...] = TOOLS) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["imtrans", "prepare", "faces", *tools, *arguments])
        status = 0
        try:
            main()
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return status, told.out, told.err

    return command


def two_faces() -> Image.Image:
    image = Image.new("RGB", (300, 120), "green")
    draw(image, (70, 60), 30)
    draw(image, (210, 60), 50)
    return image


def eyes(path: str) -> Any:
    with Image.open(path) as image:
        image.load()
        ((left, right),) = (face.eyes for face in Detector()(image.convert("RGB")))
    return left, right


def test_a_folder_goes_on_past_what_is_no_portrait(prepare: Command) -> None:
    Path("in/deep").mkdir(parents=True)
    portrait().save("in/a.jpg", quality=95)
    two_faces().save("in/b.png")
    Image.new("RGB", (50, 40), "green").save("in/empty.png")
    Path("in/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    portrait().save("in/deep/c.webp", lossless=True)
    status, out, err = prepare("in", "-o", "out", "--size", "64", "--recursive")
    assert status == 1
    made = sorted(str(path.relative_to("out")) for path in Path("out").rglob("*") if path.is_file())
    assert made == ["a.png", "b.png", "deep/c.png"]
    assert "in/b.png -> out/b.png (1 of 2 faces)" in out
    assert "3 portraits of 3 pictures" in out
    assert "2 failed" in out
    assert "failed: in/empty.png: no face was found." in err
    assert "failed: in/broken.jpg: the file is damaged" in err
    for path in ("out/a.png", "out/b.png", "out/deep/c.png"):
        left, right = eyes(path)
        assert left[1] == pytest.approx(right[1], abs=1)


def test_every_face_gets_a_number(prepare: Command) -> None:
    two_faces().save("b.png")
    status, out, _ = prepare("b.png", "-o", "out", "--faces", "all", "--size", "32")
    assert status == 0
    assert "b.png -> out/b-1.png, out/b-2.png" in out
    assert "2 portraits of 1 picture" in out
    status, _, err = prepare("b.png", "-o", "other", "--faces", "error")
    assert status == 1
    assert "2 faces were found, and one was expected" in err
    assert not Path("other").exists()


def test_a_stopped_run_goes_on(prepare: Command) -> None:
    for name in ("a", "b"):
        portrait().save(f"{name}.png")
    for which, file in (("largest", "a.png"), ("all", "a-1.png")):
        prepare("a.png", "-o", which, "--faces", which)
        stamp = Path(which, file).stat().st_mtime_ns
        status, out, _ = prepare("a.png", "b.png", "-o", which, "--faces", which, "--skip-existing")
        assert status == 0
        assert "a.png: skipped" in out
        assert "1 skipped" in out
        assert Path(which, file).stat().st_mtime_ns == stamp
        assert Path(which, file.replace("a", "b")).exists()


def test_programs_get_json(prepare: Command) -> None:
    two_faces().save("b.png")
    Image.new("RGB", (1, 1)).save("tiny.png")
    status, out, err = prepare("b.png", "tiny.png", "-o", "out", "--json")
    assert (status, err) == (1, "")
    done, failed, end = (json.loads(line) for line in out.splitlines())
    assert (done["event"], done["input"], done["outputs"], done["faces"]) == ("done", "b.png", ["out/b.png"], 2)
    assert done["sides"][0] > 60
    assert (failed["event"], failed["reason"]) == ("failed", "tiny.png: no face was found.")
    assert (end["done"], end["failed"], end["portraits"], end["interrupted"]) == (1, 1, 1, False)


def test_one_picture_to_one_file_of_its_own_format(prepare: Command) -> None:
    portrait().save("a.png")
    assert prepare("a.png", "-o", "face.webp", "--background", "transparent", "--size", "48")[0] == 0
    with Image.open("face.webp") as made:
        assert (made.format, made.size, made.mode) == ("WEBP", (48, 48), "RGBA")
        assert made.getpixel((0, 0))[3] == 0  # type: ignore[index]  # a pixel of four values


def test_pictures_of_every_kind(prepare: Command) -> None:
    """Sideways by EXIF, with a palette, and of 16 bits: found where they are upright and in colour."""
    upright = portrait((90, 140))
    sideways, orientation = upright.transpose(Image.Transpose.ROTATE_90), Image.Exif()
    orientation[0x0112] = 6
    sideways.save("turned.png", exif=orientation)
    upright.convert("P", palette=Image.Palette.ADAPTIVE).save("palette.gif")
    Image.fromarray(np.zeros((20, 30), np.uint16)).save("deep.png")
    status, _, err = prepare("turned.png", "palette.gif", "deep.png", "-o", "out", "--size", "64")
    assert status == 1
    assert "deep.png: no face was found" in err
    for name in ("turned", "palette"):
        left, right = eyes(f"out/{name}.png")
        assert left[1] == pytest.approx(right[1], abs=1)
        assert left[0] < right[0]


def test_margins_and_background_are_the_users(prepare: Command) -> None:
    portrait().save("a.png")
    assert prepare("a.png", "-o", "near.png", "--margins", "0,0,0", "--no-segment")[0] == 0
    assert prepare("a.png", "-o", "far.png", "--margins", "1,1,1", "--no-segment")[0] == 0
    near, far = (right[0] - left[0] for left, right in (eyes("near.png"), eyes("far.png")))
    assert near == pytest.approx(3 * far, rel=0.1)
    with Image.open("far.png") as made:
        assert made.getpixel((40, 128)) == (0, 128, 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a.png", "--faces", "some"), "--faces is one of largest, all, error"),
        (("a.png", "--margins", "1,2"), "three numbers with commas"),
        (("a.png", "--margins", "-1,0,0"), "makes no portrait"),
        (("a.png", "--background", "green"), "--background green cannot be meant"),
        (("a.png", "--background", "transparent", "--no-segment"), "with --no-segment"),
        (("a.png", "--detector", "nowhere:D"), "there is no --detector 'nowhere:D'"),
        (("a.png", "--format", "psd"), "there is no format called 'psd'"),
        (("nothing.png",), "there is no file nothing.png"),
        ((), "no input was given"),
        (("a.png", "-o", "."), "would replace the input a.png"),
    ],
)
def test_what_cannot_be_meant(prepare: Command, arguments: tuple[str, ...], words: str) -> None:
    portrait().save("a.png")
    status, _, err = prepare(*arguments)
    assert status == 2
    assert words in err
    assert [path.name for path in Path().iterdir()] == ["a.png"]


def test_a_number_never_replaces_a_picture(prepare: Command) -> None:
    Path("in").mkdir()
    portrait().save("in/a.jpg")
    Image.new("RGB", (9, 9)).save("a-1.png")
    status, _, err = prepare("in", "a-1.png", "-o", ".", "--faces", "all", "--format", "png")
    assert status in (1, 2)
    assert "would replace" in err
    with Image.open("a-1.png") as left_alone:
        assert left_alone.size == (9, 9)


def test_without_the_library_it_is_said_what_to_install(prepare: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    portrait().save("a.png")
    status, _, err = prepare("a.png", "-o", "out", tools=())
    assert status == 1
    assert "pip install 'imtrans[faces]'" in err
    assert not Path("out").exists()


def test_torch_is_not_imported(tmp_path: Path) -> None:
    portrait().save(tmp_path / "a.png")
    folder = Path(__file__).parents[1] / "data" / "prepare" / "faces"
    program = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); sys.argv = ['imtrans', 'prepare', 'faces', 'a.png', '-o', "
        f"'out', *{TOOLS!r}]\nfrom imtrans.cli.main import main\nmain_status = None\ntry:\n    main()\n"
        "except SystemExit as leaving:\n    main_status = leaving.code\n"
        "assert not main_status, main_status\nassert 'torch' not in sys.modules"
    )
    environment_path = ":".join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": environment_path, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "a.png").exists()
