"""With which status a command leaves, for scripts that go by it."""

from __future__ import annotations

from typing import Protocol

import typer

BUG = 70
"""Exit status after a bug in imtrans or in a plugin (EX_SOFTWARE of sysexits.h)."""
INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 and the number of SIGINT."""


class Outcome(Protocol):
    """What became of many pictures."""

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it early."""

    @property
    def failed(self) -> int:
        """Pictures of which nothing came."""


def leave_after(outcome: Outcome) -> None:
    """Leave with the status of many pictures; go on where every one came out well.

    Raises:
        typer.Exit: with :data:`INTERRUPTED` after Ctrl-C, 1 where pictures failed.
    """
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)
    if outcome.failed:
        raise typer.Exit(1)
