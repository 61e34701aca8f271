"""Ctrl-C and SIGTERM as a question that is asked between two steps."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

STOPPING = (signal.SIGINT, signal.SIGTERM)
IMPATIENT = 1.0
"""Seconds after which a second signal means it: launchers often pass on one that the terminal has sent already."""

_ANSWER = b"\nstopping after this step, with a checkpoint; a second signal stops at once\n"


@contextlib.contextmanager
def interruptible(*, answer: bool = True) -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether SIGINT or SIGTERM has arrived; a second one acts as it would have before.

    The first is answered at once on stderr, for a step may take a while; with ``answer=False`` another process of the
    run answers.
    Outside the main thread, where Python allows no handlers, the function always says no.
    """
    asked_at: float | None = None
    previous: dict[int, Any] = {}

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked_at
        if asked_at is None:
            asked_at = time.monotonic()
            with contextlib.suppress(OSError):  # not print: the signal may have interrupted one
                os.write(2, _ANSWER if answer else b"")
        elif time.monotonic() - asked_at > IMPATIENT:
            signal.signal(number, previous[number])
            signal.raise_signal(number)

    try:
        for number in STOPPING:
            previous[number] = signal.signal(number, ask)
    except ValueError:
        previous.clear()
    try:
        yield lambda: asked_at is not None
    finally:
        for stopping, handler in previous.items():
            signal.signal(stopping, handler)


def ignore_stopping() -> None:
    """Make this process deaf to both: a terminal signals a whole group, and only the parent should decide."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
