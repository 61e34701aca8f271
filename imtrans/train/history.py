"""What a run's folder tells of it afterwards, or while it still runs; nothing here needs its model or torch."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imtrans.config import read_toml
from imtrans.errors import ConfigError, TrainingError, did_you_mean

ABOUT = frozenset({"step", "learning_rate_factor", "images_per_second", "seconds", "metrics"})
"""Keys of a log line that are no losses."""


@dataclass(frozen=True)
class Record:
    """One line of log.jsonl."""

    step: int
    losses: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    images_per_second: float | None = None


@dataclass(frozen=True)
class Run:
    """A training run as its folder shows it."""

    root: Path
    settings: dict[str, Any]
    """Its config.toml, as plain data."""
    records: tuple[Record, ...]
    checkpoints: tuple[int, ...]
    """The steps of its checkpoints."""
    best: dict[str, Any] | None
    """``step``, ``metric`` and ``value`` of the best checkpoint."""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.root.name or str(self.root.absolute())

    @property
    def model(self) -> str:
        """The model's name."""
        return str(self.settings.get("model", "?"))

    @property
    def step(self) -> int:
        """The last step that it tells of."""
        return max([0, *self.checkpoints, *(record.step for record in self.records)])

    @property
    def losses(self) -> dict[str, float]:
        """The last value of each."""
        return {name: value for record in self.records for name, value in record.losses.items()}

    @property
    def metrics(self) -> dict[str, float]:
        """The last value of each."""
        return {name: value for record in self.records for name, value in record.metrics.items()}

    @property
    def speed(self) -> float | None:
        """Pictures a second at the end."""
        return next((r.images_per_second for r in reversed(self.records) if r.images_per_second is not None), None)

    @property
    def samples(self) -> dict[int, Path]:
        """Grids of samples by step."""
        found = sorted((self.root / "samples").glob("step-*.png"))
        return {int(path.stem[5:]): path for path in found if path.stem[5:].isdecimal()}

    def curves(self) -> dict[str, list[tuple[int, float]]]:
        """(step, value) of every loss and metric by name, without what is no finite number."""
        found: dict[str, list[tuple[int, float]]] = {}
        for record in self.records:
            for name, value in {**record.losses, **record.metrics}.items():
                if math.isfinite(value):
                    found.setdefault(name, []).append((record.step, value))
        return found


def is_run(folder: Path) -> bool:
    """Whether ``folder`` is one of a training run."""
    return (folder / "config.toml").is_file() and (folder / "checkpoints").is_dir()


def read_run(folder: Path) -> Run:
    """The run in ``folder``.

    Raises:
        TrainingError: there is none.
    """
    if not is_run(folder):
        near = sorted(run.name for run in folder.parent.iterdir() if is_run(run)) if folder.parent.is_dir() else []
        raise TrainingError(
            f"{folder} is no training run.",
            have=f"Beside it: {', '.join(near) or 'none'}. {did_you_mean(folder.name, near)}".strip(),
            hint="A run is the --output of an 'imtrans train'; 'imtrans runs list FOLDER' shows those in a folder.",
        )
    try:
        settings = read_toml(folder / "config.toml")
    except ConfigError:  # half of a run can still be looked at
        settings = {}
    steps = sorted(int(path.name[5:]) for path in (folder / "checkpoints").glob("step-*") if path.name[5:].isdecimal())
    return Run(folder, settings, tuple(read_log(folder / "log.jsonl")), tuple(steps), _best(folder))


def runs_in(folder: Path) -> list[Run]:
    """The runs directly in ``folder``, or the one that it is, by name.

    Raises:
        TrainingError: the folder does not exist.
    """
    if not folder.is_dir():
        raise TrainingError(f"{folder} does not exist.", hint="Give the folder that your runs are in.")
    if is_run(folder):
        return [read_run(folder)]
    return [read_run(path) for path in sorted(folder.iterdir()) if path.is_dir() and is_run(path)]


def read_log(path: Path) -> list[Record]:
    """The lines of a log.jsonl; one that a running training has half written is left out, and no file is no line."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    return [record for line in lines if (record := _record(line)) is not None]


def _record(line: bytes) -> Record | None:
    try:
        found = json.loads(line)
        step, metrics = int(found["step"]), found.get("metrics", {})
        losses = {name: float(value) for name, value in found.items() if name not in ABOUT}
        speed = found.get("images_per_second")
        return Record(step, losses, {name: float(value) for name, value in metrics.items()}, speed)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _best(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / "checkpoints" / "best.json").read_bytes())
        return {"step": int(found["step"]), "metric": str(found["metric"]), "value": float(found["value"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None
