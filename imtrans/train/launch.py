"""Several processes on this machine that train one model, and a supervisor that outlives none of their troubles.

The supervisor trains nothing. It waits for its processes, passes signals on to them, and when one dies ends the others
within seconds, so that a run never hangs in a collective operation whose partner is gone.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Any

from imtrans.errors import ImtransError, TrainingError
from imtrans.train.distribution import PeerLostError
from imtrans.train.signals import STOPPING

STOPPED = 130
"""Exit status of a process that a signal stopped after a checkpoint."""
GRACE = 3.0
"""Seconds that the others have to end by themselves after one has died."""
LONGEST = 20_000
"""Characters of a traceback that travel: a pipe that is full would block the process, and nobody reads meanwhile."""


class _Traceback(Exception):  # noqa: N818 - it is the cause of an error, not one
    """The traceback of a process, as text."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


@dataclass
class _Worker:
    """One of the processes, and where it sends its error."""

    rank: int
    process: SpawnProcess
    news: Connection
    ended: bool = False
    """By the supervisor, after another one had died."""

    def error(self) -> BaseException | None:
        """What it sent before it ended."""
        with contextlib.suppress(EOFError, OSError):
            if self.news.poll():
                kind, what = self.news.recv()
                if isinstance(what, BaseException):
                    return what
                bug = RuntimeError(f"in process {self.rank}: {kind}")
                bug.__cause__ = _Traceback(what)
                return bug
        return None


def launch(work: Callable[[], int], count: int) -> int:
    """Run ``work`` in ``count`` fresh processes that see themselves as torchrun's would (``RANK``, ``LOCAL_RANK``, …).

    Args:
        work: a function that can be pickled; it gives the exit status.
        count: how many.

    Returns:
        0, or :data:`STOPPED` where the processes gave that: a signal stopped them, and they left a checkpoint.

    Raises:
        ImtransError: what the first failing process raised.
        TrainingError: one of them was killed.
        RuntimeError: a bug; its cause holds the traceback of the process.
        KeyboardInterrupt: a signal ended them before they could leave anything.
    """
    port = _free_port()
    workers = [_start(work, rank, count, port) for rank in range(count)]
    with _passing_on(workers) as signalled:
        try:
            _wait(workers)
        finally:
            _end(workers)
    for worker in workers:
        worker.process.join()
    statuses = [worker.process.exitcode or 0 for worker in workers]
    if any(status not in (0, STOPPED) for status in statuses):
        if signalled() and all(status in (0, STOPPED, *(-number for number in STOPPING)) for status in statuses):
            raise KeyboardInterrupt
        raise _blame(workers)
    return max(statuses)


# --- the processes --------------------------------------------------------------------------------------------------


def _start(work: Callable[[], int], rank: int, count: int, port: int) -> _Worker:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    environment = {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    process = context.Process(target=_run, args=(work, environment, there), name=f"imtrans-{rank}")
    process.start()
    there.close()
    return _Worker(rank, process, here)


def _run(work: Callable[[], int], environment: Mapping[str, str], news: Connection) -> None:
    """The life of a process: it sends its error home and leaves with its status."""
    os.environ.update(environment)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    status = 1
    try:
        _share_cores(int(environment["LOCAL_WORLD_SIZE"]))
        status = work()
    except ImtransError as error:
        news.send((type(error).__name__, error))
    except KeyboardInterrupt:  # before training began, so there is no checkpoint to leave with
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    except Exception as bug:
        news.send((f"{type(bug).__name__}: {bug}"[:LONGEST], traceback.format_exc()[-LONGEST:]))
    news.close()
    # Not sys.exit: a process group whose partner is dead may wait for it while it is taken apart.
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(status)


def _share_cores(count: int) -> None:
    """As many threads as there are cores for each; every process taking all of them is slower than one alone."""
    import torch

    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, torch.get_num_threads() // count))


def _die_with_parent() -> None:
    """A supervisor that was killed can end nobody any more."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- the supervisor -------------------------------------------------------------------------------------------------


def _wait(workers: list[_Worker]) -> None:
    """Until all have ended, or one has failed and the others have had their grace."""
    deadline: float | None = None
    while alive := [worker for worker in workers if worker.process.is_alive()]:
        # Asked before the wait, of those who are not alive: a sentinel may be ready a moment before the exit status is.
        failed = any(worker.process.exitcode not in (None, 0, STOPPED) for worker in workers)
        if failed and deadline is None:
            deadline = time.monotonic() + GRACE
        patience = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not connection.wait([worker.process.sentinel for worker in alive], patience):
            return


def _end(workers: list[_Worker]) -> None:
    """End who is left: an exception, a second Ctrl-C or a dead partner leaves nothing to wait for."""
    for worker in workers:
        if worker.process.is_alive():
            worker.ended = True
            worker.process.kill()


@contextlib.contextmanager
def _passing_on(workers: list[_Worker]) -> Iterator[Callable[[], bool]]:
    """Pass SIGINT and SIGTERM on to the processes, which end with a checkpoint; tells whether there was one."""
    heard = False
    previous: dict[int, Any] = {}

    def pass_on(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        heard = True
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                if worker.process.pid is not None and worker.process.exitcode is None:
                    os.kill(worker.process.pid, number)

    with contextlib.suppress(ValueError):  # outside the main thread, where Python allows no handlers
        for number in STOPPING:
            previous[number] = signal.signal(number, pass_on)
    try:
        yield lambda: heard
    finally:
        for stopping, handler in previous.items():
            signal.signal(stopping, handler)


def _blame(workers: list[_Worker]) -> BaseException:
    """The error to tell: of the process that failed by itself, not of those that only lost it."""
    errors = {worker.rank: worker.error() for worker in workers}
    own = [error for error in errors.values() if error is not None and not isinstance(error, PeerLostError)]
    if own:
        return own[0]
    for worker in workers:
        status = worker.process.exitcode or 0
        if not worker.ended and errors[worker.rank] is None and status not in (0, STOPPED):
            return TrainingError(
                f"process {worker.rank} of {len(workers)} has died: {_cause(status)}.",
                have="The others were ended with it; the checkpoints of the run are whole.",
                hint="Go on from the last one with --resume. A SIGKILL nobody sent mostly means that memory was full.",
            )
    return next(error for error in errors.values() if error is not None)


def _cause(status: int) -> str:
    if status >= 0:
        return f"it left with status {status}"
    with contextlib.suppress(ValueError):
        return f"it was ended by {signal.Signals(-status).name}"
    return f"it was ended by signal {-status}"
