"""Numbers as users type them: seeds, classes and layers such as ``0-15,42``, and grids such as ``4x4``."""

from __future__ import annotations

import re

from imtrans.errors import UsageError

MOST = 1_000_000
"""A list with more numbers than this is a typing error."""

_PART = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")
_GRID = re.compile(r"([0-9]{1,6})x([0-9]{1,6})")


def parse_numbers(text: str, option: str) -> list[int]:
    """``"0-15,42"`` as the numbers 0 to 15 and 42, in the order typed.

    Args:
        text: numbers and ranges with commas between them.
        option: where it was typed, for messages.

    Raises:
        UsageError: it is no such list, a range runs backwards, or it is endless.
    """
    numbers: list[int] = []
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise _unreadable(text, option, f"{part.strip()!r} is neither a number nor a range.")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise _unreadable(text, option, f"The range {part.strip()} runs backwards.")
        if last - first >= MOST or len(numbers) >= MOST:
            raise _unreadable(text, option, f"It has more than {MOST} numbers.")
        numbers += range(first, last + 1)
    return numbers


def parse_grid(text: str) -> tuple[int, int]:
    """``"4x2"`` as 4 columns and 2 rows.

    Raises:
        UsageError: it is no such grid.
    """
    match = _GRID.fullmatch(text.strip().lower())
    if match is None or not (int(match[1]) and int(match[2])):
        raise UsageError(
            f"--grid {text!r} cannot be read.",
            have="A grid is written COLUMNSxROWS.",
            hint="Type for example --grid 4x4.",
        )
    return int(match[1]), int(match[2])


def _unreadable(text: str, option: str, reason: str) -> UsageError:
    return UsageError(f"{option} {text!r} cannot be read.", have=reason, hint=f"Type for example {option} 0-15,42.")
