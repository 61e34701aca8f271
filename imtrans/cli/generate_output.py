"""What an ``imtrans generate`` is to write, read from what was typed, and who writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from imtrans.data.names import WRITABLE
from imtrans.errors import UsageError
from imtrans.infer import animation
from imtrans.infer.numbers import parse_grid, parse_numbers
from imtrans.infer.plan import OUTPUT, SUFFIXES

if TYPE_CHECKING:
    from imtrans.infer.generator import Generator, Sampling

Form = Literal["each", "grid", "mixing", "interpolation"]
USUAL_SEEDS = 16


@dataclass(frozen=True)
class Written:
    """A file that was written."""

    path: Path
    details: dict[str, Any] = field(default_factory=dict)
    """What it shows: seed, class and the like."""


@dataclass(frozen=True)
class Wanted:
    """What was typed, in order."""

    form: Form
    seeds: list[int]
    """Of a mixing matrix, those of its rows."""
    classes: list[int] | None
    output: Path
    suffix: str
    is_file: bool
    """Whether ``output`` is the file itself and no folder for several."""
    grid: tuple[int, int] | None = None
    columns: tuple[int, ...] = ()
    """Seeds of the columns of a mixing matrix."""
    layers: str | None = None
    space: Literal["auto", "z", "w"] = "auto"
    frames: int = 24
    fps: float = 24.0

    @staticmethod
    def read(
        *,
        seeds: str | None,
        classes: str | None,
        grid: str | None,
        mix_rows: str | None,
        mix_cols: str | None,
        mix_layers: str | None,
        interpolate: bool,
        space: str,
        frames: int,
        fps: float,
        output: Path | None,
        kind: str | None,
    ) -> Wanted:
        """Make sense of the options.

        Raises:
            UsageError: one cannot be read, or two contradict each other.
        """
        form = _form(seeds, grid, mix_rows, mix_cols, mix_layers, interpolate)
        shape = parse_grid(grid) if grid is not None else None
        labels = None if classes is None else parse_numbers(classes, "--class")
        if form == "mixing":
            chosen = parse_numbers(mix_rows or "", "--mix-rows")
        elif seeds is not None:
            chosen = parse_numbers(seeds, "--seeds")
        else:
            chosen = list(range(shape[0] * shape[1] // len(labels or [0]) if shape else USUAL_SEEDS))
        place, suffix, is_file = _place(form, output, kind, len(chosen) * len(labels or [0]))
        return Wanted(
            form,
            chosen,
            labels,
            place,
            suffix,
            is_file,
            grid=shape,
            columns=tuple(parse_numbers(mix_cols, "--mix-cols")) if mix_cols is not None else (),
            layers=mix_layers,
            space=space,  # type: ignore[arg-type]  # any word is refused in words
            frames=frames,
            fps=fps,
        )

    def one_class(self) -> int | None:
        """The class of everything that has to have one.

        Raises:
            UsageError: there are several.
        """
        if self.classes is not None and len(self.classes) > 1:
            what = {"mixing": "a mixing matrix", "interpolation": "an interpolation"}[self.form]
            raise UsageError(f"{what} shows one class, and --class names {len(self.classes)}.")
        return self.classes[0] if self.classes else None


def _form(
    seeds: str | None,
    grid: str | None,
    mix_rows: str | None,
    mix_cols: str | None,
    mix_layers: str | None,
    interpolate: bool,
) -> Form:
    mixing = mix_rows is not None or mix_cols is not None
    asked = {"--grid": grid is not None, "--mix-rows and --mix-cols": mixing, "--interpolate": interpolate}
    if sum(asked.values()) > 1:
        names = " and ".join(name for name, is_asked in asked.items() if is_asked)
        raise UsageError(f"{names} are different things to make.", hint="Type one of them at a time.")
    if mixing and (mix_rows is None or mix_cols is None):
        missing = "--mix-rows" if mix_rows is None else "--mix-cols"
        raise UsageError(f"a mixing matrix needs {missing} too.", hint="Type --mix-rows 0-3 --mix-cols 4-7.")
    if mixing and seeds is not None:
        raise UsageError("a mixing matrix has its seeds from --mix-rows and --mix-cols.", hint="Leave --seeds away.")
    if mix_layers is not None and not mixing:
        raise UsageError("--mix-layers says which layers --mix-cols lends.", hint="Type --mix-rows and --mix-cols too.")
    if mixing:
        return "mixing"
    return "interpolation" if interpolate else "grid" if grid is not None else "each"


def _place(form: Form, output: Path | None, kind: str | None, count: int) -> tuple[Path, str, bool]:
    """The file or, for pictures of their own, the folder to write to; the suffix; and whether it is a file."""
    known = animation.SUFFIXES if form == "interpolation" else SUFFIXES
    if kind is not None and kind not in known:
        raise UsageError(f"there is no format called {kind!r} here.", have=f"There are {', '.join(known)}.")
    given = output.suffix.lower() if output is not None and not output.is_dir() else ""
    writable = set(known.values()) if form == "interpolation" else set(WRITABLE)
    if given in writable:
        assert output is not None
        if kind is not None and WRITABLE.get(known[kind], known[kind]) != WRITABLE.get(given, given):
            raise UsageError(f"--format {kind} and the suffix of {output} contradict each other.")
        if form == "each" and count > 1:
            raise UsageError(
                f"{output} is one file, and there are {count} pictures.",
                hint="Give a folder as --output, or --grid to put them into one picture.",
            )
        return output, given, True
    if given in {*WRITABLE, *animation.SUFFIXES.values()}:
        raise UsageError(f"{output} cannot hold this: it has the suffix {given}.", have=f"Formats: {', '.join(known)}.")
    suffix = known[kind or next(iter(known))]
    folder = output or OUTPUT
    return (folder, suffix, False) if form == "each" else (folder / f"{form}{suffix}", suffix, True)


# --- the writers ------------------------------------------------------------------------------------------------------

Writer = Callable[["Generator", Wanted, "Sampling", int], Iterator[Written]]


def writer_for(wanted: Wanted) -> Writer:
    """Who writes what is wanted."""
    writers: dict[str, Writer] = {
        "each": _write_each,
        "grid": _write_grid,
        "mixing": _write_mixing,
        "interpolation": _write_interpolation,
    }
    return writers[wanted.form]


def _write_each(generator: Generator, wanted: Wanted, sampling: Sampling, batch_size: int) -> Iterator[Written]:
    from imtrans.data.picture import write_picture
    from imtrans.infer import gallery

    shown = gallery.subjects(wanted.seeds, wanted.classes)
    drawing = gallery.draw(generator, shown, sampling, batch_size)
    several = len(wanted.classes or ()) > 1
    pictures = gallery.images(generator, drawing, sampling, batch_size)
    for subject, picture in zip(shown, pictures, strict=True):
        path = wanted.output
        if not wanted.is_file:
            path /= subject.file_name(wanted.suffix, classes=several)
        details = {"seed": subject.seed, "class": subject.label}
        write_picture(picture, path, comment=gallery.description(generator, sampling, **details))
        yield Written(path, details)


def _write_grid(generator: Generator, wanted: Wanted, sampling: Sampling, batch_size: int) -> Iterator[Written]:
    from imtrans.data.picture import write_picture
    from imtrans.infer import gallery

    assert wanted.grid is not None
    shown = gallery.subjects(wanted.seeds, wanted.classes)
    gallery.check_grid(wanted.grid, len(shown))
    drawing = gallery.draw(generator, shown, sampling, batch_size)
    pictures = list(gallery.images(generator, drawing, sampling, batch_size))
    details = {"seeds": wanted.seeds, "classes": wanted.classes, "grid": list(wanted.grid)}
    picture = gallery.make_grid(pictures, wanted.grid[0])
    write_picture(picture, wanted.output, comment=gallery.description(generator, sampling, **details))
    yield Written(wanted.output, details)


def _write_mixing(generator: Generator, wanted: Wanted, sampling: Sampling, batch_size: int) -> Iterator[Written]:
    from imtrans.data.picture import write_picture
    from imtrans.infer import gallery, mixing

    layers = mixing.parse_layers(wanted.layers, mixing.check_mixable(generator))
    label = wanted.one_class()
    matrix = gallery.mixing_matrix(generator, wanted.seeds, wanted.columns, layers, label, sampling, batch_size)
    details = {"rows": wanted.seeds, "columns": list(wanted.columns), "layers": layers, "class": label}
    write_picture(matrix, wanted.output, comment=gallery.description(generator, sampling, **details))
    yield Written(wanted.output, details)


def _write_interpolation(
    generator: Generator, wanted: Wanted, sampling: Sampling, batch_size: int
) -> Iterator[Written]:
    from imtrans.infer import gallery, walk

    animation.check_film(wanted.suffix, wanted.fps)
    label = wanted.one_class()
    path = walk.walk(
        generator,
        wanted.seeds,
        label,
        sampling,
        frames=wanted.frames,
        space=wanted.space,
        batch_size=batch_size,
    )
    frames = list(gallery.images(generator, path, sampling, batch_size))
    details = {"seeds": wanted.seeds, "class": label, "frames": len(frames), "fps": wanted.fps}
    comment = gallery.description(generator, sampling, **details)
    animation.write_animation(frames, wanted.output, fps=wanted.fps, comment=comment)
    yield Written(wanted.output, details)
