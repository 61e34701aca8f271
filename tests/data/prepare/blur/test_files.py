"""Folders of pictures into data sets of pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imtrans.data.paired import recognise_paired
from imtrans.data.prepare.blur import files
from imtrans.data.prepare.blur.files import Event, Summary, blur_files, plan
from imtrans.data.prepare.blur.pairs import BlurSettings
from imtrans.data.prepare.pairs import make_files
from imtrans.errors import ConfigError, UsageError

SETTINGS = BlurSettings(length=6.0, exposures=(1.0,))


def write(path: Path, width: int = 24, height: int = 18, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def sources(folder: Path, *names: str) -> dict[Path, Path]:
    return {write(folder / name, seed=place): Path(name) for place, name in enumerate(names)}


def run(jobs: list[files.Job], settings: BlurSettings = SETTINGS, **options: Any) -> tuple[Summary, list[Event]]:
    events: list[Event] = []
    return blur_files(jobs, settings, events.append, **options), events


def found(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_folders_of_equal_names_are_a_data_set(tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary, events = run(plan(sources(tmp_path / "in", "a.png", "deep/b.bmp"), out, SETTINGS))
    assert found(out) == ["trainA/a.png", "trainA/deep/b.png", "trainB/a.png", "trainB/deep/b.png"]
    assert (summary.done, summary.pairs, summary.failed, summary.interrupted) == (2, 2, 0, False)
    assert [event.kind for event in events] == ["done", "done"]
    assert "trainA/ and trainB/" in recognise_paired(out)
    sharp, blurred = (np.asarray(Image.open(out / f"train{domain}/a.png")) for domain in "BA")
    assert np.array_equal(sharp, np.asarray(Image.open(tmp_path / "in/a.png")))
    assert not np.array_equal(sharp, blurred)


def test_side_by_side_is_one_too(tmp_path: Path) -> None:
    out = tmp_path / "out"
    given = sources(tmp_path / "in", "a.png")
    run(plan(given, out, SETTINGS))
    settings = BlurSettings(length=6.0, exposures=(1.0,), crop=16, kernels=10)
    run(plan(given, out / "aligned", settings, layout="aligned"), settings)
    assert found(out / "aligned") == [f"train/a-{number:02}.png" for number in range(1, 11)]
    assert "A on the left and B on the right" in recognise_paired(out / "aligned")
    assert Image.open(out / "aligned/train/a-01.png").size == (32, 16)


def test_pictures_are_held_out_whole(tmp_path: Path) -> None:
    settings = BlurSettings(length=4.0, crop=8, crops=3)
    names = [f"{number}.png" for number in range(10)]
    jobs = plan(sources(tmp_path / "in", *names), tmp_path / "out", settings, test=0.2)
    assert [job.split for job in jobs].count("test") == 2
    run(jobs, settings)
    stems = {
        split: {name.split("/")[1][0] for name in found(tmp_path / "out") if split in name}
        for split in ("train", "test")
    }
    assert len(stems["test"]) == 2
    assert not stems["test"] & stems["train"]
    again = plan(sources(tmp_path / "in", *names), tmp_path / "other", settings, test=0.2)
    assert [job.split for job in again] == [job.split for job in jobs]


def test_one_is_held_out_where_any_is_wanted(tmp_path: Path) -> None:
    jobs = plan(sources(tmp_path, "a.png", "b.png"), tmp_path / "out", SETTINGS, test=0.01)
    assert sorted(job.split for job in jobs) == ["test", "train"]


def test_other_pictures_change_nothing(tmp_path: Path) -> None:
    given = sources(tmp_path / "in", "a.png", "b.png")
    run(plan(given, tmp_path / "both", SETTINGS))
    run(plan({path: place for path, place in given.items() if path.stem == "b"}, tmp_path / "one", SETTINGS), workers=1)
    assert (tmp_path / "one/trainA/b.png").read_bytes() == (tmp_path / "both/trainA/b.png").read_bytes()


def test_bad_pictures_are_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    given = sources(tmp_path / "in", "a.png", "b.png")
    broken = {tmp_path / "in" / name: Path(name) for name in ("cut.png", "none.png", "text.jpg")}
    whole = (tmp_path / "in/a.png").read_bytes()
    (tmp_path / "in/cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "in/text.jpg").write_text("no picture")
    summary, events = run(plan(given | broken, tmp_path / "out", SETTINGS))
    assert (summary.done, summary.failed) == (2, 3)
    assert found(tmp_path / "out") == ["trainA/a.png", "trainA/b.png", "trainB/a.png", "trainB/b.png"]
    words = [str(event.error) for event in events if event.error]
    assert all(name in text for name, text in zip(("cut.png", "none.png", "text.jpg"), words, strict=True))


def test_pictures_of_any_mode(tmp_path: Path) -> None:
    """Upright, over white where they are transparent, in the colours that a viewer shows."""
    modes = {
        "grey.png": Image.new("L", (20, 12), 90),
        "deep.png": Image.fromarray(np.full((12, 20), 30000, np.uint16)),
        "clear.png": Image.new("RGBA", (20, 12), (0, 0, 0, 0)),
        "cmyk.jpg": Image.new("CMYK", (20, 12)),
        "dot.png": Image.new("RGB", (1, 1), "red"),
    }
    for name, image in modes.items():
        image.save(tmp_path / name)
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (20, 12)).save(tmp_path / "turned.jpg", exif=exif)
    given = {tmp_path / name: Path(name) for name in (*modes, "turned.jpg")}
    jobs = plan(given, tmp_path / "out", SETTINGS)
    summary = make_files(jobs, lambda picture, name: [(picture, picture)], lambda event: None)
    assert (summary.done, summary.left_out) == (6, 0)
    assert Image.open(tmp_path / "out/trainA/turned.png").size == (12, 20)
    assert Image.open(tmp_path / "out/trainA/clear.png").getpixel((3, 3)) == (255, 255, 255)
    assert Image.open(tmp_path / "out/trainB/dot.png").getpixel((0, 0)) == (255, 0, 0)
    assert Image.open(tmp_path / "out/trainA/deep.png").getpixel((9, 9)) == (117, 117, 117)


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    jobs = plan(sources(tmp_path / "in", "a.png", "b.png"), tmp_path / "out", SETTINGS)
    run(jobs)
    before = {name: (tmp_path / "out" / name).read_bytes() for name in found(tmp_path / "out")}
    (tmp_path / "out/trainB/b.png").unlink()
    stamp = (tmp_path / "out/trainA/a.png").stat().st_mtime_ns
    summary, events = run(jobs, skip_existing=True)
    assert [event.kind for event in events] == ["skipped", "done"]
    assert (summary.skipped, summary.done) == (1, 1)
    assert (tmp_path / "out/trainA/a.png").stat().st_mtime_ns == stamp
    assert {name: (tmp_path / "out" / name).read_bytes() for name in found(tmp_path / "out")} == before


def test_ctrl_c_leaves_whole_files_only(tmp_path: Path) -> None:
    jobs = plan(sources(tmp_path / "in", *(f"{n}.png" for n in range(8))), tmp_path / "out", SETTINGS)

    def listener(event: Event) -> None:
        raise KeyboardInterrupt

    summary = blur_files(jobs, SETTINGS, listener, workers=1)
    assert summary.interrupted
    assert summary.done == 1
    assert summary.left == 7
    for path in (tmp_path / "out").rglob("*.png"):
        Image.open(path).load()
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.suffix != ".png"]


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file in the way")
    summary, events = run(plan(sources(tmp_path / "in", "a.png"), tmp_path / "out", SETTINGS))
    assert summary.failed == 1
    assert "cannot be written" in str(events[0].error)


def test_what_cannot_be_planned(tmp_path: Path) -> None:
    given = sources(tmp_path / "in", "a.png", "a.bmp")
    with pytest.raises(UsageError, match=r"a.png and .*a.bmp would both be written"):
        plan(given, tmp_path / "out", SETTINGS)
    one = sources(tmp_path / "in", "a.png")
    with pytest.raises(UsageError, match="would be replaced"):
        plan({tmp_path / "trainA" / "a.png": Path("a.png")}, tmp_path, SETTINGS)
    with pytest.raises(ConfigError, match="no layout called 'piles'"):
        plan(one, tmp_path / "out", SETTINGS, layout="piles")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="the share of test pictures"):
        plan(one, tmp_path / "out", SETTINGS, test=1.0)
    with pytest.raises(UsageError, match="every picture would be held out"):
        plan(one, tmp_path / "out", SETTINGS, test=0.9)
