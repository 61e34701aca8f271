"""Files that appear whole or not at all."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file in the folder of ``path`` for writing and, on success, rename it to ``path``.

    A reader sees the old file or the new one, never half of one, even when the process is killed in between. On any
    failure the temporary file is removed and an existing ``path`` stays as it was.

    Raises:
        OSError: the folder or the disk refuses.
    """
    if path.is_dir():
        raise IsADirectoryError(21, "there is a folder of that name")
    # The name owes nothing to the path's own, which may already be as long as names can be.
    temporary = path.parent / f".imtrans-{secrets.token_hex(8)}.part"
    try:
        with temporary.open("xb") as stream:
            yield stream
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
