"""What ``imtrans generate`` says while it works."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

from imtrans.cli.printing import plain, print_line

if TYPE_CHECKING:
    from imtrans.cli.generate_output import Wanted, Written
    from imtrans.infer.generator import Generator


class GenerateReporter:
    """Lines for a person, or JSON objects for a program; notes go to stderr."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._tenth = -1  # of the download, last told
        self._files = 0
        self._started = time.monotonic()

    def download(self, arrived: int, total: int | None) -> None:
        """Weights are coming in: a word at each tenth."""
        tenth = 10 * arrived // total if total else 0
        if tenth == self._tenth:
            return
        self._tenth = tenth
        if self.as_json:
            self._json("download", bytes=arrived, total=total)
        else:
            share = f"{10 * tenth} % of {total / 1e6:.1f} MB" if total else "size unknown"
            print(f"downloading weights: {share}", file=sys.stderr)

    def start(self, generator: Generator, wanted: Wanted) -> None:
        """Everything is loaded."""
        self._started = time.monotonic()
        if self.as_json:
            width, height = generator.size
            self._json(
                "start",
                model=generator.card.name,
                weights=generator.weights,
                device=str(generator.device),
                precision=generator.precision,
                backend=generator.backend,
                width=width,
                height=height,
                classes=generator.classes,
                seeds=len(wanted.seeds),
            )
        else:
            print_line(generator.describe())
        for note in generator.notes:
            if self.as_json:
                self._json("note", text=note)
            else:
                print(f"note: {plain(note)}", file=sys.stderr)

    def written(self, written: Written) -> None:
        """A file is whole."""
        self._files += 1
        if self.as_json:
            self._json("done", output=str(written.path), **written.details)
        else:
            print_line(str(written.path))

    def stop(self) -> None:
        """Nothing more comes, whatever happened."""
        sys.stdout.flush()

    def end(self) -> None:
        """How many files, and how long it took."""
        seconds = time.monotonic() - self._started
        if self.as_json:
            self._json("end", files=self._files, seconds=round(seconds, 3))
        else:
            print_line(f"{self._files} {'file' if self._files == 1 else 'files'} in {seconds:.1f} s")

    def _json(self, event: str, **values: object) -> None:
        print(json.dumps({"event": event, **values}), flush=True)
