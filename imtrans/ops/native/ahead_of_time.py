"""What ``setup.py`` calls: the library into the package that is being built, or the reason why there is none."""

from __future__ import annotations

import shutil
from pathlib import Path

from imtrans.errors import BuildError

from .compile import LIBRARY, compile_library
from .recipe import read_built, recipe_for, torch_root, wants_cuda, write_json
from .sources import PACKAGE, find_sources
from .toolchain import find_toolchain


def build_ahead_of_time(library: Path, folder: Path) -> BuildError | None:
    """Build ``library`` and put its record beside it; gives the error that prevented it, or None.

    Args:
        library: where the library shall lie; what is there is replaced or removed.
        folder: for objects and the log, created where it does not exist.
    """
    earlier = read_built(PACKAGE / LIBRARY, (PACKAGE / LIBRARY).with_suffix(".json"))
    library.unlink(missing_ok=True)
    library.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        sources = find_sources()
        toolchain = find_toolchain(wants_cuda())
        recipe = recipe_for(sources, toolchain)
        if earlier is not None and earlier.recipe == recipe:  # an editable install that is repeated
            built = earlier.path
            _say(f"the kernels have not changed; {built} serves again")
        else:
            built = compile_library(sources, toolchain, torch_root(), folder, verbose=False, report=_say)
    except BuildError as error:
        record_missing(library, error.what)
        return error
    shutil.copy2(built, library)
    write_json(library.with_suffix(".json"), recipe.to_json())
    return None


def record_missing(library: Path, reason: str) -> None:
    """Leave the reason where ``library`` would lie, for ``imtrans doctor``: pip hides what an installation prints."""
    write_json(library.with_suffix(".json"), {"missing": reason})


def _say(line: str) -> None:
    print(f"imtrans: {line}", flush=True)
