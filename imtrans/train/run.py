"""The folder of a training run: its configuration, its log, its samples, its checkpoints."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from imtrans.data.atomic import atomic_file
from imtrans.errors import OutputError, TrainingError
from imtrans.train.checkpoint import checkpoints
from imtrans.train.settings import RunConfig

PATIENCE = 10.0
"""Seconds to wait for the lock: after a ``kill -9`` the processes that read pictures outlive their parent by five."""


class RunFolder:
    """``config.toml``, ``log.jsonl``, ``samples/``, ``events/`` and ``checkpoints/`` of one run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config_path = root / "config.toml"
        self.log_path = root / "log.jsonl"
        self.samples = root / "samples"
        self.events = root / "events"
        self.checkpoints = root / "checkpoints"

    def check_new(self) -> None:
        """Refuse a folder that holds a run.

        Raises:
            TrainingError: it does.
        """
        if self.config_path.exists():
            raise TrainingError(
                f"{self.root} holds a training run already.",
                have=f"Checkpoints in it: {len(checkpoints(self.checkpoints))}.",
                hint="Go on with it by --resume, or give another --output.",
            )

    def create(self, settings: RunConfig) -> None:
        """Make the folder for a new run.

        Raises:
            TrainingError: the folder holds a run already.
            OutputError: it cannot be made.
        """
        self.check_new()
        with writing(self.root):
            self.samples.mkdir(parents=True, exist_ok=True)
            self.checkpoints.mkdir(exist_ok=True)
        self._write_config(settings)

    def change_settings(self, settings: RunConfig, step: int) -> None:
        """Make ``config.toml`` say what holds from ``step`` on; what held before stays beside it.

        Raises:
            OutputError: the folder cannot be written to.
        """
        with writing(self.root):
            before = self.config_path.read_bytes()
            if before == settings.to_toml().encode():
                return
            with atomic_file(self.root / f"config-until-{step:08d}.toml") as file:
                file.write(before)
        self._write_config(settings)

    def _write_config(self, settings: RunConfig) -> None:
        with writing(self.config_path), atomic_file(self.config_path) as file:
            file.write(settings.to_toml().encode())

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training in this folder meanwhile.

        Raises:
            TrainingError: another one does.
            OutputError: the folder cannot be written to.
        """
        lock = FileLock(self.root / ".lock")
        try:
            with writing(self.root):
                lock.acquire(timeout=PATIENCE, poll_interval=0.2)
        except Timeout:
            raise TrainingError(
                f"another process is training in {self.root}.",
                have="Two would overwrite each other's checkpoints.",
                hint="Wait for it or stop it, or give another --output.",
            ) from None
        try:
            yield
        finally:
            lock.release()

    def latest_checkpoint(self) -> Path:
        """The newest whole checkpoint.

        Raises:
            TrainingError: there is none.
        """
        found = checkpoints(self.checkpoints)
        if not found:
            raise TrainingError(
                f"{self.root} holds no checkpoint to go on from.",
                have="A run is a folder with config.toml and checkpoints/step-….",
                hint="Check the path, or remove the folder and start anew without --resume.",
            )
        return found[-1]

    def log(self, record: Mapping[str, Any]) -> None:
        """Append one line to ``log.jsonl``.

        Raises:
            OutputError: the disk is full or not writable.
        """
        with writing(self.log_path), self.log_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def forget_after(self, step: int) -> None:
        """Drop log lines past ``step``: a resumed run writes them again.

        Raises:
            OutputError: the log cannot be rewritten.
        """
        if not self.log_path.exists():
            return
        with writing(self.log_path):
            lines = self.log_path.read_bytes().splitlines()
            with atomic_file(self.log_path) as file:
                file.writelines(line + b"\n" for line in lines if _step_of_line(line) <= step)


def _step_of_line(line: bytes) -> float:
    """The step of a log line; a line cut short by a killed process counts as never written."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the operating system says into words.

    Raises:
        OutputError: it refuses to write ``path``.
    """
    try:
        yield
    except Timeout:
        raise
    except (OSError, UnicodeEncodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise OutputError(
            f"{path} cannot be written: {reason}.",
            have="The run's checkpoints are untouched.",
            hint="Make room or fix the permissions, then go on with --resume; or give another --output.",
        ) from error
