"""A C++ compiler for tests that build the same sources in many places: it does not optimise, nor compile a file twice.

    python hasty_compiler.py CACHE [arguments of c++]

Whether the library is there is tested, not whether it is fast. What was compiled is known by the preprocessed text.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

COMPILER = "c++"


def main(cache: Path, arguments: list[str]) -> int:
    """Give the status of the compiler."""
    if "-c" not in arguments:
        return run([*arguments, "-O0"])
    place = arguments.index("-o")
    output, others = arguments[place + 1], arguments[:place] + arguments[place + 2 :]
    text = preprocessed(others)
    if text is None:
        return run([*arguments, "-O0"])
    flags = " ".join(each for each in others if each.startswith(("-f", "-m", "-std")))
    kept = cache / hashlib.sha256(flags.encode() + text).hexdigest()
    if not kept.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            draft = Path(folder) / "object.o"
            if status := run([*others, "-o", str(draft), "-O0"]):
                return status
            draft.replace(kept)
    shutil.copyfile(kept, output)
    return 0


def preprocessed(arguments: list[str]) -> bytes | None:
    """What the compiler sees of a source, wherever its folder lies; None where it is no C++."""
    done = subprocess.run([COMPILER, *(each for each in arguments if each != "-c"), "-E", "-P"], capture_output=True)
    root = arguments[arguments.index("-I") + 1]
    return done.stdout.replace(root.encode(), b"") if done.returncode == 0 else None


def run(arguments: list[str]) -> int:
    """Let the compiler run; what it says is for the caller."""
    return subprocess.run([COMPILER, *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
