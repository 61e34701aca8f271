"""Who computes: ``auto`` (fused where it fits), ``fused`` (or an error) or ``reference`` (plain PyTorch)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, get_args

import torch

from imtrans.errors import UsageError, did_you_mean

Backend = Literal["auto", "fused", "reference"]
BACKENDS: tuple[str, ...] = get_args(Backend)

_backend: ContextVar[str] = ContextVar("imtrans_backend", default="auto")
_fallbacks: dict[str, Counter[str]] = {}


@contextmanager
def use_backend(backend: str) -> Iterator[None]:
    """Choose the backend of every operator called within the ``with`` block, in this thread or task only.

    A function compiled by ``torch.compile`` keeps the backend under which it was traced. Backward passes need no
    block: a fused forward has a fused backward.

    Raises:
        UsageError: ``backend`` is none of ``auto``, ``fused`` and ``reference``.
    """
    if backend not in BACKENDS:
        raise UsageError(
            f"there is no backend called {backend!r}.",
            have=f"Backends: {', '.join(BACKENDS)}. {did_you_mean(backend, BACKENDS)}".strip(),
        )
    token = _backend.set(backend)
    try:
        yield
    finally:
        _backend.reset(token)


@torch.compiler.assume_constant_result
def current_backend() -> str:
    """The backend in force here."""
    return _backend.get()


@torch.compiler.assume_constant_result
def note_fallback(operator: str, reason: str) -> None:
    """Remember that ``operator`` ran its reference although the fused kernel was welcome."""
    _fallbacks.setdefault(operator, Counter())[reason] += 1


def fallbacks(operator: str) -> dict[str, int]:
    """Why ``operator`` fell back in this process, and how often, the most frequent reason first."""
    return dict(_fallbacks.get(operator, Counter()).most_common())


def forget_fallbacks() -> None:
    """Forget every reason noted so far."""
    _fallbacks.clear()
