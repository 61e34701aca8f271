"""Portraits of many pictures: what is told, and what an interruption leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from imtrans.data.prepare.faces.geometry import Face
from imtrans.data.prepare.faces.portrait import PortraitOptions, Portraits
from imtrans.infer.plan import Job
from imtrans.infer.portraits import Event, prepare_files


def two(image: Image.Image) -> list[Face]:
    """A face in each half of any picture."""
    width, height = image.size
    halves = [np.array([[0.1, 0.2], [0.3, 0.6]]), np.array([[0.5, 0.2], [0.9, 0.9]])]
    return [Face(half * (width, height), half * (width, 0) + (0, height / 3)) for half in halves]


def jobs(folder: Path, count: int) -> list[Job]:
    made = []
    for number in range(count):
        Image.new("RGB", (100, 80), "teal").save(folder / f"{number}.png")
        made.append(Job(folder / f"{number}.png", folder / "out" / f"{number}.png"))
    return made


def test_everything_is_told_in_order(tmp_path: Path) -> None:
    events: list[Event] = []
    made = jobs(tmp_path, 5)
    made[2].source.write_bytes(b"")
    summary = prepare_files(Portraits(two, None, PortraitOptions(size=32)), made, on_event=events.append)
    assert [event.job for event in events] == made
    assert [event.kind for event in events] == ["done", "done", "failed", "done", "done"]
    assert events[0].targets == (tmp_path / "out" / "0.png",)
    assert (events[0].faces, len(events[0].sides)) == (2, 1)
    assert (summary.done, summary.failed, summary.portraits, summary.left) == (4, 1, 4, 0)


def test_the_largest_is_written_last_so_that_its_file_tells_of_all(tmp_path: Path) -> None:
    (job,) = jobs(tmp_path, 1)
    portraits = Portraits(two, None, PortraitOptions(size=32, which="all"))
    prepare_files(portraits, [job])
    first, second = (tmp_path / "out" / f"0-{number}.png" for number in (1, 2))
    assert second.stat().st_mtime_ns <= first.stat().st_mtime_ns
    first.unlink()
    assert prepare_files(portraits, [job], skip_existing=True).done == 1
    assert prepare_files(portraits, [job], skip_existing=True).skipped == 1


def test_an_interruption_leaves_whole_files_and_says_how_many_are_left(tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if event.job.source.name == "1.png":
            raise KeyboardInterrupt

    summary = prepare_files(Portraits(two, None, PortraitOptions(size=32)), jobs(tmp_path, 4), on_event=stop)
    assert (summary.interrupted, summary.done, summary.left) == (True, 2, 2)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.png", "1.png"]


def test_a_full_or_forbidden_place_fails_the_picture(tmp_path: Path) -> None:
    made = jobs(tmp_path, 2)
    (tmp_path / "out").mkdir()
    made[0].target.mkdir()
    events: list[Event] = []
    summary = prepare_files(Portraits(two, None, PortraitOptions(size=32)), made, on_event=events.append)
    assert (summary.done, summary.failed) == (1, 1)
    assert "cannot be written" in str(events[0].error)


def test_larger_pictures_than_wanted_are_refused(tmp_path: Path) -> None:
    events: list[Event] = []
    prepare_files(Portraits(two), jobs(tmp_path, 1), max_pixels=100, on_event=events.append)
    assert "100 x 80 pixels" in str(events[0].error)
