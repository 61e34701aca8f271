"""Picture files through a translator, or straight from a folder of results, into a measurement.

Files are decoded ahead by two threads while the networks compute. What cannot be read, translated or compared is
reported and left out; it never ends the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from imtrans.data.picture import read_picture
from imtrans.data.pixels import to_tensor
from imtrans.errors import ImtransError
from imtrans.metrics.evaluator import Translate
from imtrans.metrics.measure import Batch, Measurement, check_sizes
from imtrans.metrics.pairwise import l1, quantised

READERS = 2


@dataclass(frozen=True)
class Job:
    """Files that belong together.

    Attributes:
        name: what they are called in reports.
        files: by role: ``"result"`` or ``"input"``, and ``"target"`` where there is one.
    """

    name: str
    files: Mapping[str, Path]


@dataclass(frozen=True)
class Options:
    """How pictures are read and computed.

    Attributes:
        batch_size: pictures of one size that are computed together.
        size: bring every picture to a square of this side first (bicubic, the aspect ratio gives way), as the authors
            of pix2pix and CycleGAN test; None leaves sizes alone.
        baseline: also measure the inputs in the place of the results.
    """

    batch_size: int = 8
    size: int | None = None
    baseline: bool = True


@dataclass(frozen=True)
class Networks:
    """What makes results from inputs.

    Attributes:
        there: the translator under test; None where results are files.
        back: its counterpart, for the cycle.
    """

    there: Translate | None = None
    back: Translate | None = None


Told = Callable[[str, ImtransError | None], None]
"""Called once for every job, with its name and why it was left out, or None."""


def run(
    measurement: Measurement,
    jobs: Sequence[Job],
    targets: Sequence[Job] = (),
    *,
    networks: Networks | None = None,
    options: Options | None = None,
    tell: Told = lambda name, error: None,
) -> dict[str, str]:
    """Show everything to the measurement.

    Args:
        measurement: what measures; its :meth:`~imtrans.metrics.measure.Measurement.scores` hold what came out.
        jobs: results or inputs, each with its target where they come in pairs.
        targets: the target set where they do not, each with the role ``"target"``.
        networks: what makes results from inputs.
        options: sizes.
        tell: see :data:`Told`.

    Returns:
        Why a picture was left out, by name; all others were measured.

    Raises:
        ImtransError: a network of the metrics cannot work, which no other picture would change.
    """
    networks, options = networks or Networks(), options or Options()
    failed: dict[str, str] = {}

    def told(name: str, error: ImtransError | None) -> None:
        if error is not None:
            failed[name] = error.what
        tell(name, error)

    for names, pictures in _batches([*targets, *jobs], options, told):
        if set(pictures) == {"target"}:
            measurement.add_targets(pictures["target"])
            for name in names:
                told(name, None)
        else:
            for batch in _results(names, pictures, networks, told):
                measurement.add(batch if options.baseline else replace(batch, inputs=None))
                for name in batch.names:
                    told(name, None)
    return failed


def _results(names: Sequence[str], pictures: Mapping[str, Tensor], networks: Networks, tell: Told) -> Iterator[Batch]:
    """The batch with its results; where that fails, its pictures one by one: a bad one takes no others along."""
    try:
        yield _translated(names, pictures, networks)
        return
    except ImtransError as error:
        if len(names) == 1:
            tell(names[0], error)
            return
    for index, name in enumerate(names):
        single = {role: tensor[index : index + 1] for role, tensor in pictures.items()}
        yield from _results([name], single, networks, tell)


def _translated(names: Sequence[str], pictures: Mapping[str, Tensor], networks: Networks) -> Batch:
    inputs, targets = pictures.get("input"), pictures.get("target")
    if "result" in pictures:
        results = pictures["result"]
    else:
        assert networks.there is not None
        results = networks.there(pictures["input"]).cpu()
    if targets is not None:
        check_sizes(results, targets)
    cycle = None
    if networks.back is not None and inputs is not None:
        cycle = l1(networks.back(quantised(results)).cpu(), inputs)
    return Batch(names, results, targets, inputs, cycle)


# --- reading ahead ----------------------------------------------------------------------------------------------------


def _batches(jobs: Sequence[Job], options: Options, tell: Told) -> Iterator[tuple[list[str], dict[str, Tensor]]]:
    """Batches of jobs whose pictures have the same roles and sizes, in the order of the jobs while sizes agree."""
    waiting: dict[object, list[tuple[str, dict[str, Tensor]]]] = {}
    for name, pictures in _read(jobs, options, tell):
        key = tuple((role, tuple(tensor.shape)) for role, tensor in sorted(pictures.items()))
        group = waiting.setdefault(key, [])
        group.append((name, pictures))
        if len(group) == options.batch_size:
            yield _joined(waiting.pop(key))
        elif sum(map(len, waiting.values())) >= 2 * options.batch_size:
            yield _joined(waiting.pop(next(iter(waiting))))
    for group in waiting.values():
        yield _joined(group)


def _joined(group: Sequence[tuple[str, Mapping[str, Tensor]]]) -> tuple[list[str], dict[str, Tensor]]:
    roles = group[0][1]
    return [name for name, _ in group], {role: torch.cat([pictures[role] for _, pictures in group]) for role in roles}


def _read(jobs: Sequence[Job], options: Options, tell: Told) -> Iterator[tuple[str, dict[str, Tensor]]]:
    ahead: deque[tuple[Job, Future[dict[str, Tensor]]]] = deque()
    upcoming = iter(jobs)
    with ThreadPoolExecutor(READERS, thread_name_prefix="imtrans-read") as readers:
        try:
            while True:
                while len(ahead) < options.batch_size + READERS and (job := next(upcoming, None)) is not None:
                    ahead.append((job, readers.submit(_load, job, options.size)))
                if not ahead:
                    return
                job, future = ahead.popleft()
                try:
                    pictures = future.result()
                except ImtransError as error:
                    tell(job.name, error)
                else:
                    yield job.name, pictures
        finally:
            readers.shutdown(wait=False, cancel_futures=True)


def _load(job: Job, size: int | None) -> dict[str, Tensor]:
    return {role: _picture(path, size) for role, path in job.files.items()}


def _picture(path: Path, size: int | None) -> Tensor:
    """(1, 3, H, W) from 0 to 1; a transparent picture counts as its colours, without its alpha."""
    image = read_picture(path).image
    if size is not None and image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BICUBIC)
    return to_tensor(image, (0.0, 1.0))[None]
