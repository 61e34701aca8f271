"""Where imtrans keeps what it can fetch or make again: downloaded weights and compiled kernels."""

from __future__ import annotations

import os
from pathlib import Path


def cache_root() -> Path:
    """``$IMTRANS_CACHE``, or else ``$XDG_CACHE_HOME/imtrans``, or else ``~/.cache/imtrans``; it need not exist yet."""
    if own := os.environ.get("IMTRANS_CACHE"):
        return Path(own).expanduser().absolute()
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared).expanduser().absolute() / "imtrans"
    return Path.home() / ".cache" / "imtrans"
