"""SIGINT and SIGTERM between steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from imtrans.train import signals
from imtrans.train.signals import ignore_stopping, interruptible


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_one_only_asks(number: signal.Signals, capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(number)
    with interruptible() as interrupted:
        assert not interrupted()
        signal.raise_signal(number)
        assert interrupted()
    assert signal.getsignal(number) is before
    assert "stopping after this step" in capfd.readouterr().err


def test_an_echo_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A launcher passes on the Ctrl-C that the terminal has sent to everyone."""
    monkeypatch.setattr(signals, "IMPATIENT", 1000.0)
    with interruptible() as interrupted:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert interrupted()


@pytest.fixture
def python_s_own_handler() -> Iterator[None]:
    """A program that a shell starts in the background ignores SIGINT, and so would a test in it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("python_s_own_handler")
def test_a_second_one_means_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "IMPATIENT", -1.0)

    def twice() -> None:
        with interruptible():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        twice()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_cannot_ask() -> None:
    answers: list[bool] = []

    def inside() -> None:
        with interruptible() as interrupted:
            answers.append(interrupted())

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert answers == [False]


def test_workers_are_deaf() -> None:
    before = {number: signal.getsignal(number) for number in signals.STOPPING}
    try:
        ignore_stopping()
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        assert {signal.getsignal(number) for number in signals.STOPPING} == {signal.SIG_IGN}
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_one_of_several_answers_for_all(capfd: pytest.CaptureFixture[str]) -> None:
    with interruptible(answer=False) as interrupted:
        signal.raise_signal(signal.SIGTERM)
        assert interrupted()
    assert capfd.readouterr().err == ""
