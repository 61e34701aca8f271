"""Folders of pictures: order, batches, overlap, failures, interruption."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor
from toys import CARD, Identity, Negative

from imtrans.data.picture import read_picture
from imtrans.errors import ImtransError, OutputError
from imtrans.infer import runner
from imtrans.infer.plan import Job
from imtrans.infer.runner import Event, Options, Summary, translate_files
from imtrans.infer.translator import Translator


def photo(index: int, width: int = 9, height: int = 7) -> np.ndarray:
    return np.random.default_rng(index).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., list[Job]]:
    """Writes pictures of the given sizes and plans their results."""

    def make(*sizes: tuple[int, int]) -> list[Job]:
        jobs = [Job(tmp_path / "in" / f"{i}.png", tmp_path / "out" / f"{i}.png") for i in range(len(sizes))]
        (tmp_path / "in").mkdir()
        for index, (job, size) in enumerate(zip(jobs, sizes, strict=True)):
            Image.fromarray(photo(index, *size)).save(job.source)
        return jobs

    return make


def run(jobs: list[Job], network: Identity | None = None, **options: object) -> tuple[Summary, list[Event]]:
    events: list[Event] = []
    translator = Translator(network or Negative(multiple=4), CARD)
    return translate_files(translator, jobs, Options(**options), events.append), events  # type: ignore[arg-type]


def kinds(events: list[Event], kind: str) -> list[str]:
    return [event.job.source.name for event in events if event.kind == kind]


@pytest.mark.parametrize("batch_size", [1, 3])
def test_every_picture_is_translated(make: Callable[..., list[Job]], batch_size: int) -> None:
    sizes = [(9, 7), (9, 7), (5, 5), (9, 7), (5, 5), (1, 1), (9, 7)]
    jobs = make(*sizes)
    summary, events = run(jobs, batch_size=batch_size)
    assert (summary.done, summary.skipped, summary.failed, summary.left) == (7, 0, 0, 0)
    assert sorted(kinds(events, "started")) == sorted(kinds(events, "done")) == [f"{i}.png" for i in range(7)]
    for index, job in enumerate(jobs):
        assert np.array_equal(np.asarray(read_picture(job.target).image), 255 - photo(index, *sizes[index]))
    assert [event.size for event in events if event.kind == "done"].count((9, 7)) == 4


def test_without_batches_the_order_is_that_of_the_jobs(make: Callable[..., list[Job]]) -> None:
    jobs = make(*[(4 + i % 3, 5) for i in range(12)])
    _, events = run(jobs)
    assert kinds(events, "started") == kinds(events, "done") == [f"{i}.png" for i in range(12)]


def test_alternating_sizes_still_share_batches(make: Callable[..., list[Job]]) -> None:
    network = Negative()
    run(make(*[(8, 4), (4, 8)] * 4), network, batch_size=4)
    assert sorted(network.seen) == [(4, 3, 4, 8), (4, 3, 8, 4)]


def test_pictures_without_company_do_not_pile_up(make: Callable[..., list[Job]]) -> None:
    network = Negative()
    run(make(*[(4 + i, 8) for i in range(9)]), network, batch_size=2)
    assert [shape[0] for shape in network.seen] == [1] * 9
    assert [shape[3] for shape in network.seen] == [4 + i for i in range(9)]


def test_reading_and_writing_overlap_with_computing(
    make: Callable[..., list[Job]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one picture is being computed, a later one is read and an earlier one is written, in other threads."""
    reading, writing, threads = threading.Semaphore(0), threading.Semaphore(0), set()
    seen: list[tuple[bool, bool]] = []
    read, write = runner.read_picture, runner.write_picture

    def watched_read(*args: object, **kwargs: object) -> object:
        threads.add(threading.current_thread().name.rsplit("_", 1)[0])
        reading.release()
        return read(*args, **kwargs)  # type: ignore[arg-type]

    def watched_write(*args: object, **kwargs: object) -> None:
        threads.add(threading.current_thread().name.rsplit("_", 1)[0])
        writing.release()
        write(*args, **kwargs)  # type: ignore[arg-type]

    class Watches(Negative):
        def forward(self, x: Tensor) -> Tensor:
            # From the second picture on, the pass does not end before another picture was read and one was written.
            if len(self.seen) in (1, 2):
                seen.append((reading.acquire(timeout=10), writing.acquire(timeout=10)))
            return super().forward(x)

    monkeypatch.setattr(runner, "read_picture", watched_read)
    monkeypatch.setattr(runner, "write_picture", watched_write)
    summary, _ = run(make(*[(4, 4)] * 6), Watches())
    assert summary.done == 6
    assert seen == [(True, True), (True, True)]
    assert threads == {"imtrans-read", "imtrans-write"}


def test_reading_ahead_is_bounded(make: Callable[..., list[Job]], monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    read = runner.read_picture

    def counted(*args: object, **kwargs: object) -> object:
        opened.append(args)
        return read(*args, **kwargs)  # type: ignore[arg-type]

    class First(Negative):
        def forward(self, x: Tensor) -> Tensor:
            if not self.seen:
                time.sleep(0.3)  # as long as readers like, to run ahead as far as they may
                self.ahead = len(opened)
            return super().forward(x)

    network = First()
    monkeypatch.setattr(runner, "read_picture", counted)
    run(make(*[(4, 4)] * 30), network)
    assert 1 <= network.ahead <= 4
    assert len(opened) == 30


def test_bad_files_are_reported_and_the_rest_goes_on(make: Callable[..., list[Job]]) -> None:
    jobs = make(*[(6, 6)] * 5)
    jobs[0].source.write_bytes(b"")
    jobs[2].source.write_text("I am a text.")
    jobs[3].source.unlink()
    summary, events = run(jobs, batch_size=2)
    assert (summary.done, summary.failed) == (2, 3)
    reasons = {event.job.source.name: str(event.error) for event in events if event.kind == "failed"}
    assert "empty" in reasons["0.png"]
    assert "text file" in reasons["2.png"]
    assert "no such file" in reasons["3.png"]
    assert all(str(jobs[int(name[0])].source) in reason for name, reason in reasons.items())
    assert sorted(path.name for path in jobs[0].target.parent.iterdir()) == ["1.png", "4.png"]


def test_one_bad_picture_does_not_take_its_batch_with_it(make: Callable[..., list[Job]]) -> None:
    class Picky(Negative):
        def forward(self, x: Tensor) -> Tensor:
            black = (x == -1).all(dim=(1, 2, 3), keepdim=True)
            return super().forward(x) + black / (~black).float()  # infinite where the picture is black

    jobs = make(*[(6, 6)] * 4)
    Image.new("RGB", (6, 6)).save(jobs[1].source)
    summary, events = run(jobs, Picky(), batch_size=4)
    assert (summary.done, summary.failed) == (3, 1)
    (failed,) = [event for event in events if event.kind == "failed"]
    assert failed.job == jobs[1]
    assert str(jobs[1].source) in str(failed.error)
    assert "no numbers" in str(failed.error)


def test_results_that_cannot_be_written(make: Callable[..., list[Job]]) -> None:
    jobs = make((6, 6), (6, 6))
    jobs[0].target.mkdir(parents=True)
    summary, events = run(jobs)
    assert (summary.done, summary.failed) == (1, 1)
    assert isinstance(next(event.error for event in events if event.kind == "failed"), OutputError)


def test_skip_existing_goes_on_where_a_run_stopped(make: Callable[..., list[Job]]) -> None:
    jobs = make(*[(6, 6)] * 4)
    run(jobs[:2])
    before = jobs[0].target.stat().st_mtime_ns
    network = Negative()
    summary, events = run(jobs, network, skip_existing=True)
    assert (summary.done, summary.skipped) == (2, 2)
    assert kinds(events, "skipped") == ["0.png", "1.png"]
    assert len(network.seen) == 2
    assert jobs[0].target.stat().st_mtime_ns == before
    summary, _ = run(jobs)
    assert summary.done == 4


def test_interruption_leaves_whole_files_only(make: Callable[..., list[Job]]) -> None:
    class Stops(Negative):
        def forward(self, x: Tensor) -> Tensor:
            if len(self.seen) == 2:
                raise KeyboardInterrupt
            return super().forward(x)

    jobs = make(*[(6, 6)] * 8)
    summary, events = run(jobs, Stops())
    assert summary.interrupted
    assert (summary.done, summary.left) == (2, 6)
    assert kinds(events, "done") == ["0.png", "1.png"]
    assert sorted(path.name for path in jobs[0].target.parent.iterdir()) == ["0.png", "1.png"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("imtrans-write")]


def test_bugs_are_not_taken_for_bad_pictures(make: Callable[..., list[Job]]) -> None:
    class Buggy(Negative):
        def forward(self, x: Tensor) -> Tensor:
            raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        run(make((6, 6)), Buggy())


def test_compare_shows_both_halves(make: Callable[..., list[Job]]) -> None:
    jobs = make((9, 7))
    _, events = run(jobs, compare=True)
    both = np.asarray(read_picture(jobs[0].target).image)
    assert both.shape == (7, 18, 3)
    assert np.array_equal(both[:, :9], photo(0))
    assert np.array_equal(both[:, 9:], 255 - photo(0))
    assert events[-1].size == (18, 7)


def test_compare_keeps_alpha_and_brings_both_to_one_size() -> None:
    small = runner.Picture(Image.new("RGB", (2, 3), "red"))
    large = runner.Picture(Image.new("RGB", (4, 6), "blue"), Image.new("L", (4, 6), 77))
    both = runner.side_by_side(small, large)
    assert both.size == (8, 6)
    assert both.image.getpixel((1, 1)) == (255, 0, 0)
    assert both.image.getpixel((6, 5)) == (0, 0, 255)
    assert both.alpha is not None
    assert both.alpha.getextrema() == (77, 77)


def test_max_size_shrinks_larger_pictures_only(make: Callable[..., list[Job]]) -> None:
    jobs = make((40, 20), (1, 100), (10, 10))
    _, events = run(jobs, max_size=10)
    assert [event.size for event in events if event.kind == "done"] == [(10, 5), (1, 10), (10, 10)]


def test_the_limit_on_pixels_is_an_option(make: Callable[..., list[Job]]) -> None:
    summary, events = run(make((40, 20)), max_pixels=100)
    assert summary.failed == 1
    assert "limit" in str(events[-1].error)


def test_alpha_survives(make: Callable[..., list[Job]]) -> None:
    jobs = make((6, 6))
    alpha = Image.fromarray(photo(3, 6, 6)[..., 0])
    Image.merge("RGBA", [*Image.open(jobs[0].source).split(), alpha]).save(jobs[0].source)
    run(jobs)
    assert np.array_equal(np.asarray(read_picture(jobs[0].target).alpha), np.asarray(alpha))


def test_errors_name_their_picture(make: Callable[..., list[Job]]) -> None:
    class Refuses(Negative):
        def forward(self, x: Tensor) -> Tensor:
            raise ImtransError("it does not fit.", hint="Make it smaller.")

    jobs = make((6, 6))
    _, events = run(jobs, Refuses())
    assert str(events[-1].error) == f"{jobs[0].source}: it does not fit.\nMake it smaller."
