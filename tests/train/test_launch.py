"""Processes under a supervisor: how they end."""

from __future__ import annotations

import functools
import os
import signal
import threading
import time
from typing import Any, cast

import pytest

from imtrans.errors import ConfigError, TrainingError
from imtrans.train.distribution import PeerLostError
from imtrans.train.launch import STOPPED, _wait, _Worker, launch


def work(kinds: tuple[str, ...]) -> int:
    """What the process of each rank does; spawned, so it is found by its name."""
    rank = int(os.environ["RANK"])
    assert os.environ["WORLD_SIZE"] == os.environ["LOCAL_WORLD_SIZE"] == str(len(kinds))
    kind = kinds[rank]
    if kind == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "refuse":
        raise ConfigError("no such thing.", hint="Type another.")
    if kind == "lose":
        raise PeerLostError("another process of this run is gone.")
    if kind == "bug":
        raise ZeroDivisionError("a bug")
    if kind == "hang":
        time.sleep(600)
    return STOPPED if kind == "stop" else 0


def run(*kinds: str) -> int:
    return launch(functools.partial(work, kinds), len(kinds))


def test_all_end_well() -> None:
    assert run("good", "good") == 0


def test_all_were_stopped() -> None:
    assert run("stop", "stop") == STOPPED


def test_one_is_killed_and_another_hangs() -> None:
    since = time.monotonic()
    with pytest.raises(TrainingError, match="process 1 of 2 has died: it was ended by SIGKILL") as caught:
        run("hang", "die")
    assert time.monotonic() - since < 60
    assert caught.value.have
    assert "--resume" in caught.value.hint


class _Lingering:
    """A process whose sentinel is ready a moment before it can be asked for its status."""

    def __init__(self, questions: int) -> None:
        self.sentinel, kept_open = os.pipe()
        os.close(kept_open)
        self.questions = questions

    def is_alive(self) -> bool:
        self.questions -= 1
        return self.questions >= 0

    @property
    def exitcode(self) -> int | None:
        return None if self.questions >= 0 else 1


class _Hanging:
    """A process that never ends."""

    exitcode = None

    def __init__(self) -> None:
        self.sentinel, self.kept_open = os.pipe()

    def is_alive(self) -> bool:
        return True


def test_a_status_that_is_late_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imtrans.train.launch.GRACE", 0.1)
    processes: list[Any] = [_Lingering(questions=3), _Hanging()]
    waiting = threading.Thread(
        target=_wait,
        args=([_Worker(rank, each, cast("Any", None)) for rank, each in enumerate(processes)],),
        daemon=True,
    )
    waiting.start()
    waiting.join(timeout=10)
    assert not waiting.is_alive()


def test_the_error_of_one_is_the_error_of_all() -> None:
    """And not that of who only lost it."""
    with pytest.raises(ConfigError, match="no such thing") as caught:
        run("lose", "refuse")
    assert caught.value.hint == "Type another."


def test_a_bug_brings_its_traceback() -> None:
    with pytest.raises(RuntimeError, match="in process 1: ZeroDivisionError: a bug") as caught:
        run("hang", "bug")
    assert "test_launch.py" in str(caught.value.__cause__)


def test_a_signal_before_training_began() -> None:
    """SIGTERM to the supervisor ends processes that do not listen yet."""
    timer = threading.Timer(6, os.kill, (os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run("hang", "hang")
    finally:
        timer.cancel()
    assert signal.getsignal(signal.SIGTERM) is before
