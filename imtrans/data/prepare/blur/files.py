"""Folders of pictures into data sets of blurred and sharp ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image

from imtrans.data.prepare import pairs
from imtrans.data.prepare.blur.pairs import BlurSettings, make_pairs
from imtrans.data.prepare.pairs import Event, Job, Layout, Maker, Pair, Summary

__all__ = ["Event", "Job", "Layout", "Summary", "blur_files", "maker", "plan"]


def plan(
    sources: Mapping[Path, Path], output: Path, settings: BlurSettings, *, layout: Layout = "folders", test: float = 0.0
) -> list[Job]:
    """Where the pairs go that the settings ask for; see :func:`imtrans.data.prepare.pairs.plan`."""
    return pairs.plan(sources, output, pairs=settings.pairs, layout=layout, test=test, seed=settings.seed)


def maker(settings: BlurSettings) -> Maker:
    """Makes the pairs of a picture: A is blurred, B sharp."""

    def make(picture: Image.Image, name: str) -> Iterator[Pair | None]:
        return ((pair.blurred, pair.sharp) if pair else None for pair in make_pairs(picture, name, settings))

    return make


def blur_files(
    jobs: Sequence[Job],
    settings: BlurSettings,
    on_event: Callable[[Event], None],
    *,
    skip_existing: bool = False,
    workers: int = 2,
) -> Summary:
    """Make the pairs of every picture; see :func:`imtrans.data.prepare.pairs.make_files`."""
    return pairs.make_files(jobs, maker(settings), on_event, skip_existing=skip_existing, workers=workers)
