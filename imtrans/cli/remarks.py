"""Remarks of libraries that mean nothing to users."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def without_pillow_s_remarks() -> Iterator[None]:
    """Leave out what Pillow remarks on odd metadata of pictures; they are read all the same."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield
