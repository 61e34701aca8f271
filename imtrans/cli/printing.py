"""How the commands print: tables, JSON, and the three parts of an error."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from imtrans.errors import ImtransError

# Names of files and messages of plugins come from strangers; an escape sequence in them could repaint the terminal.
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """The ``text`` with control characters written out as their codes; line breaks stay."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", text)


def print_error(error: ImtransError) -> None:
    """What was wrong, what exists and what to type next, on stderr."""
    what, *more = [plain(part).replace("\n", "\n  ") for part in (error.what, error.have, error.hint) if part]
    lines = "".join(f"\n  {part}" for part in more)
    if not sys.stderr.isatty():
        print(f"error: {what}{lines}", file=sys.stderr)
        return
    from rich.console import Console
    from rich.text import Text

    message = Text.assemble(("error: ", "bold red"), (what, "bold"), lines)
    Console(stderr=True, highlight=False).print(message, soft_wrap=True)


def print_json(data: Any) -> None:
    """``data`` as indented JSON on stdout, for programs."""
    print(json.dumps(data, indent=2, ensure_ascii=not _is_unicode(sys.stdout)))


def print_line(text: str) -> None:
    """One line of text on stdout, safe for the terminal."""
    print(plain(text))


def print_heading(text: str) -> None:
    """A blank line and a title."""
    print_line(f"\n{text}\n{'-' * len(text)}")


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]], empty: str = "") -> None:
    """A table on stdout: fitted to the terminal, or one whole line per row elsewhere.

    Args:
        titles: of the columns; when all are empty, no line is spent on them.
        rows: cells, as many as titles.
        empty: printed instead when there are no rows.
    """
    cells = [[plain(cell).replace("\n", " ") for cell in row] for row in rows]
    if not cells:
        print(empty)
    elif sys.stdout.isatty():
        _print_fitted(titles, cells)
    else:
        _print_whole([list(titles), *cells] if any(titles) else cells)


def _print_whole(lines: Sequence[Sequence[str]]) -> None:
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _print_fitted(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_header=any(titles))
    for index, title in enumerate(titles):
        # The first column holds names to type, which must never be broken or cut.
        table.add_column(title, no_wrap=index == 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(table)


def _is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().startswith("utf")
