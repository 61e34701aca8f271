"""Is this file the one that was published, or at least the one that came first?

Where the authors published a sha256, the file must have it. Where they did not, the first use records the digest
beside the file and every later use is held to it: trust on first use, as ssh trusts the key of a new host.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from imtrans.errors import WeightsError


def sha256_of(path: Path) -> str:
    """Lower-case hexadecimal sha256 of the file at ``path``.

    Raises:
        WeightsError: the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}.") from error
    return digest.hexdigest()


def check_published(path: Path, sha256: str) -> None:
    """Hold the file at ``path`` to the digest that its authors published.

    Raises:
        WeightsError: it has another; the message shows both.
    """
    found = sha256_of(path)
    if found != sha256.lower():
        raise WeightsError(
            f"{path} is not the file that was published: its sha256 is {found}.",
            have=f"The published sha256 is {sha256.lower()}.",
            hint="Delete the file to fetch or unpack it afresh; if it comes out the same, do not use it.",
        )


def check_recorded(path: Path) -> str:
    """Hold the file at ``path`` to the digest that its first use recorded in ``<path>.sha256``; record it if new.

    Returns:
        A sentence that says which of the two was done.

    Raises:
        WeightsError: the file has changed since, or its record cannot be read.
    """
    record = record_of(path)
    found = sha256_of(path)
    if not record.exists():
        return _record(path, record, found)
    expected = _recorded(record)
    if found != expected:
        raise WeightsError(
            f"{path} has changed since it was first used: its sha256 was {expected} and is {found}.",
            hint=f"If you replaced it on purpose, delete {record}; otherwise delete both files and fetch it again.",
        )
    return f"no sha256 was published for {path.name}; it is unchanged since its first use here"


def record_of(path: Path) -> Path:
    """Where the digest of the file at ``path`` is recorded."""
    return path.with_name(path.name + ".sha256")


def _record(path: Path, record: Path, digest: str) -> str:
    try:
        record.write_text(f"{digest}  {path.name}\n", encoding="utf-8")  # as sha256sum writes and checks it
    except OSError:
        return f"no sha256 was published for {path.name}, and {record} cannot be written: it is trusted as it is"
    return f"no sha256 was published for {path.name}; its digest {digest[:12]}... is kept in {record.name} from now on"


def _recorded(record: Path) -> str:
    try:
        words = record.read_text(encoding="utf-8", errors="replace").split()
    except OSError as error:
        raise WeightsError(f"{record} cannot be read: {error.strerror or error}.") from error
    if not words or not re.fullmatch(r"[0-9a-f]{64}", words[0]):
        raise WeightsError(f"{record} holds no sha256.", hint="Delete it to record the digest anew.")
    return words[0]
