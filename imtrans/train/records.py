"""What a run leaves behind for people to look at: log.jsonl, grids of samples, TensorBoard events, W&B."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import Tensor

from imtrans import config
from imtrans.card import Card
from imtrans.data.picture import write_picture
from imtrans.errors import MissingExtraError
from imtrans.train.observer import Progress
from imtrans.train.run import RunFolder, writing
from imtrans.train.samples import make_grid
from imtrans.train.settings import RunConfig


class Records:
    """Writes each record to all places that the settings name.

    Args:
        run: the folder of the run.
        settings: its configuration.
        card: the model, for the value range of samples.
        step: steps done; what other events stood behind it is dropped.
        note: hears once of a library that is missing and not needed.

    Raises:
        MissingExtraError: ``train.wandb`` is set, and its library is missing.
    """

    def __init__(self, run: RunFolder, settings: RunConfig, card: Card, step: int, note: Callable[[str], None]) -> None:
        self._run, self._card = run, card
        self._wandb = start_wandb(run, settings) if settings.train.wandb else None
        self._events = self._open_events(step, note) if settings.train.tensorboard else None

    def _open_events(self, step: int, note: Callable[[str], None]) -> Any:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            note("no TensorBoard events are written: its library is missing (pip install 'imtrans[train]')")
            return None
        with writing(self._run.events):
            return SummaryWriter(str(self._run.events), purge_step=step + 1)

    def losses(self, progress: Progress, rates: Mapping[str, float]) -> None:
        """One report: the mean losses since the last one, the speed, and the factor of each phase's learning rate.

        Raises:
            OutputError: the disk is full or not writable.
        """
        self._run.log(
            {
                "step": progress.step,
                "learning_rate_factor": round(next(iter(rates.values())), 6),
                "images_per_second": round(progress.images_per_second, 3),
                "seconds": round(progress.seconds, 1),
                **{name: round(value, 6) for name, value in progress.losses.items()},
            }
        )
        losses = {f"loss/{name}": value for name, value in progress.losses.items()}
        factors = {f"learning_rate_factor/{name}": value for name, value in rates.items()}
        self._scalars(progress.step, {**losses, **factors, "images_per_second": progress.images_per_second})

    def metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """One evaluation.

        Raises:
            OutputError: the disk is full or not writable.
        """
        self._run.log({"step": step, "metrics": {name: round(value, 6) for name, value in metrics.items()}})
        self._scalars(step, {f"metrics/{name}": value for name, value in metrics.items()})

    def samples(self, step: int, columns: Mapping[str, Tensor]) -> None:
        """One grid of samples.

        Raises:
            OutputError: the disk is full or not writable.
        """
        grid = make_grid(columns, self._card.value_range, self._card.channels)
        write_picture(grid, self._run.samples / f"step-{step:08d}.png")
        if self._events is not None:
            with writing(self._run.events):
                self._events.add_image("samples", np.asarray(grid), step, dataformats="HWC")
        if self._wandb is not None:
            import wandb  # type: ignore[import-not-found, unused-ignore]

            self._wandb.log({"samples": wandb.Image(grid)}, step=step)

    def close(self) -> None:
        """Bring what is buffered to its place.

        Raises:
            OutputError: the disk is full.
        """
        if self._events is not None:
            with writing(self._run.events):
                self._events.close()
        if self._wandb is not None:
            self._wandb.finish()

    def _scalars(self, step: int, values: Mapping[str, float]) -> None:
        if self._events is not None:
            with writing(self._run.events):
                for name, value in values.items():
                    self._events.add_scalar(name, value, step)
        if self._wandb is not None:
            self._wandb.log(dict(values), step=step)


def start_wandb(run: RunFolder, settings: RunConfig) -> Any:
    """A run of Weights & Biases, or the one of this folder again.

    Raises:
        MissingExtraError: its library is not installed.
    """
    try:
        import wandb
    except ImportError as error:
        raise MissingExtraError(
            "the settings ask for Weights & Biases (train.wandb), and its library is not installed.",
            hint="Type: pip install wandb, or leave train.wandb away.",
        ) from error
    root = run.root.absolute()
    return wandb.init(
        project=settings.train.wandb,
        name=root.name,
        dir=str(root),
        id=hashlib.sha256(str(root).encode()).hexdigest()[:16],
        resume="allow",
        config=config.to_dict(settings),
    )
