"""Writes a new plugin: a copy of ``imtrans-mymodel/``, which is itself a working plugin, under another name."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from imtrans import registry
from imtrans.errors import OutputError, UsageError

TEMPLATE = Path(__file__).parent / "imtrans-mymodel"
_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_LONGEST = 40


def write(name: str, folder: Path) -> Path:
    """Make the distribution ``imtrans-NAME`` in ``folder`` and return its root.

    Args:
        name: of the model; ``[a-z][a-z0-9]*`` words joined by ``-`` or ``_``, at most 40 characters.
        folder: made if need be.

    Raises:
        UsageError: the name is none, or a plugin of that name is installed.
        OutputError: there is such a folder already, or it cannot be written.
    """
    check_name(name)
    root = folder / f"imtrans-{name.replace('_', '-')}"
    if root.exists() or root.is_symlink():
        raise OutputError(f"{root} exists already; it is left as it is.", hint="Choose another name or --output.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Written aside and renamed, so that a full disk leaves no half of a plugin.
        with tempfile.TemporaryDirectory(dir=folder, prefix=".imtrans-new-") as aside:
            _copy(name, Path(aside) / "plugin")
            (Path(aside) / "plugin").rename(root)
    except OSError as error:
        raise OutputError(f"{root} cannot be written: {error.strerror or error}.") from error
    return root


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a model, a package and a distribution at once.

    Raises:
        UsageError: with the reason.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise UsageError(
            f"{name!r} cannot be the name of a plugin.",
            have=f"A name is lower-case letters and digits in words joined by '-' or '_', {_LONGEST} at most.",
            hint="For example: imtrans plugins new mymodel",
        )
    if name.startswith(("imtrans-", "imtrans_")) or name == "imtrans":
        raise UsageError(f"{name!r} already has the prefix that the distribution gets.", hint="Leave 'imtrans' out.")
    if any(entry.name.replace("-", "_") == name.replace("-", "_") for entry in registry.entries()):
        raise UsageError(f"a plugin called {name!r} is installed already.", hint="Choose another name.")


def _copy(name: str, root: Path) -> None:
    module = name.replace("-", "_")
    words = {
        "imtrans_mymodel": f"imtrans_{module}",
        "imtrans-mymodel": f"imtrans-{module.replace('_', '-')}",
        "test_mymodel": f"test_{module}",
        "MyModel": "".join(word.capitalize() for word in module.split("_")),
        "mymodel": name,
    }
    # One pass, longest word first: a name that holds one of the words must not be replaced again.
    pattern = re.compile("|".join(words))
    shutil.copytree(TEMPLATE, root, ignore=shutil.ignore_patterns("__pycache__"))
    for path in sorted(root.rglob("*"), reverse=True):  # what is inside a folder before the folder itself
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            path.write_text(pattern.sub(lambda match: words[match.group()], text), encoding="utf-8")
        path.rename(path.with_name(pattern.sub(lambda match: words[match.group()], path.name)))
