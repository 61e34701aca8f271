r"""Put the results into docs/benchmarks.md: tables between markers, and pictures.

    python benchmarks/report.py
    python benchmarks/report.py --check      leaves with 1 where the page does not say what the results say

What stands outside of the markers is written by hand and stays as it is. Running it again changes nothing unless a file
of results or a target has changed.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path

import plots
import tables
import targets
from command_line import leave
from results import Results, read_all
from surroundings import RESULTS, ROOT

from imtrans.errors import InputError, MissingExtraError

PAGE = ROOT / "docs" / "benchmarks.md"
PICTURES = ROOT / "docs" / "pictures"
DEVICES = {"cpu": "CPU", "cuda": "GPU"}
TABLES = {"generator": tables.generator, "training": tables.training}
"""How results become text; those of every other benchmark are an operator's."""
BLOCK = re.compile(r"(<!-- results of (?P<name>[\w ]+) -->\n).*?(<!-- end of results -->)", re.DOTALL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page and the pictures, or check the page."""
    options = _options(arguments)
    results = read_all(options.results)
    written = _read(options.page)
    page = render(written, results, _beside(options.page, options.pictures))
    if options.check:
        print("the page says what the results say" if page == written else "the page does not say what the results say")
        return int(page != written)
    if page != written:
        options.page.write_text(page, encoding="utf-8")
    print(f"{options.page}: {'written' if page != written else 'as it was'}")
    for each in results:
        print(_draw(options.pictures / picture_name(each), each))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; say whether the page is up to date")
    for name, default in (("results", RESULTS), ("page", PAGE), ("pictures", PICTURES)):
        parser.add_argument(f"--{name}", type=Path, default=default, help=f"by default {default.relative_to(ROOT)}")
    return parser.parse_args(arguments)


def _read(page: Path) -> str:
    try:
        return page.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"the page {page} cannot be read: {error.strerror}.") from error


def render(page: str, results: list[Results], pictures: str) -> str:
    """The page with the text between its markers made anew.

    Args:
        page: as it is.
        results: all there are.
        pictures: where they are, seen from the page.

    Raises:
        InputError: the page has no markers, or one that nothing is known of.
    """
    if not BLOCK.search(page):
        raise InputError(
            "the page has no markers.", hint="Markers: <!-- results of NAME --> ... <!-- end of results -->."
        )
    wanted = targets.read_targets()

    def fill(block: re.Match[str]) -> str:
        begin, name, end = block.group(1), block.group("name"), block.group(3)
        return f"{begin}\n{_text(name, results, wanted, pictures)}\n\n{end}"

    return BLOCK.sub(fill, page)


def _text(name: str, results: list[Results], wanted: list[targets.Target], pictures: str) -> str:
    what, _, device = name.rpartition(" on ")
    device = {word: key for key, word in DEVICES.items()}.get(device, "")
    if not device:
        raise InputError(f"the page has a marker for {name!r}.", hint="After 'on' stands CPU or GPU.")
    if what == "targets":
        return targets.table((each for each in wanted if each.device == device), results)
    for each in results:
        if (each.benchmark, each.device) == (what, device):
            table = TABLES.get(what, tables.operator)(each)
            return f"{table}\n\n![{what}]({pictures}/{picture_name(each)})"
    return f"No {DEVICES[device]} has run this yet."


def picture_name(results: Results) -> str:
    """The file of the picture of some results."""
    return f"benchmark-{results.benchmark}-{results.device}.png"


def _draw(path: Path, results: Results) -> str:
    if plots.shows(path, results):
        return f"{path}: as it was"
    try:
        plots.draw(path, results)
    except MissingExtraError as error:
        return f"{path}: not drawn; {error.what} {error.hint}"
    return f"{path}: drawn"


def _beside(page: Path, pictures: Path) -> str:
    return Path(os.path.relpath(pictures, page.parent)).as_posix()


if __name__ == "__main__":
    leave(main)
