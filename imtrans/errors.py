"""One tree of errors: what was wrong, what exists, what to type next.

Everything that imtrans raises on purpose is an :class:`ImtransError`. The command line prints its
three parts and leaves with :attr:`~ImtransError.exit_status`; only a bug reaches the user as a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ImtransError(Exception):
    """An error that a user can act on.

    Args:
        what: what was wrong, as one sentence that names the offending thing.
        have: what exists instead (names, versions, sizes), or nothing.
        hint: what to type or do next, or nothing.
    """

    exit_status = 1

    def __init__(self, what: str, *, have: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.have = have
        self.hint = hint

    def __str__(self) -> str:
        return "\n".join(part for part in (self.what, self.have, self.hint) if part)

    def __reduce__(self) -> tuple[object, ...]:
        # Worker processes send their errors home as pickles; keyword arguments need a helper there.
        return (_rebuild, (type(self), self.what, self.have, self.hint))


def _rebuild(kind: type[ImtransError], what: str, have: str, hint: str) -> ImtransError:
    error = kind.__new__(kind)
    ImtransError.__init__(error, what, have=have, hint=hint)
    return error


class UsageError(ImtransError):
    """The command or the call cannot mean anything as typed."""

    exit_status = 2


class ConfigError(UsageError):
    """A configuration has an unknown key, a wrong type or a value out of range."""


class UnknownNameError(UsageError):
    """A name (model, weights, network) that nothing answers to."""


class PluginError(ImtransError):
    """A plugin cannot be used: it failed to import, has another API, or shares its name."""


class MissingExtraError(ImtransError):
    """An optional dependency is not installed."""


class InputError(ImtransError):
    """A picture or a folder of pictures cannot be read."""


class OutputError(ImtransError):
    """A result cannot be written."""


class WeightsError(ImtransError):
    """A checkpoint cannot be found, downloaded, trusted or fitted to the network."""


class UnsafeCheckpointError(WeightsError):
    """A checkpoint wants to run code while it is being read."""


class DeviceError(ImtransError):
    """The requested device or precision does not exist here."""


class BackendError(ImtransError):
    """The fused kernel was demanded and cannot serve; the message says why."""


class BuildError(ImtransError):
    """The native kernels could not be compiled."""


class TrainingError(ImtransError):
    """Training cannot start or go on."""


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """``"Did you mean 'x'?"`` when one of the ``known`` names is close to the ``wrong`` one, else ``""``."""
    close = difflib.get_close_matches(wrong, list(known), n=1)
    return f"Did you mean {close[0]!r}?" if close else ""
