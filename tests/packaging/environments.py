"""Copies of the checkout, and environments that need no download: torch is the one that runs the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

FOLDERS = ("imtrans", "plugins", "csrc", "tests", "docs", "benchmarks")

NEVER = shutil.ignore_patterns("__pycache__", "*.so", "_C.json", "*.egg-info")


def copy_checkout(folder: Path) -> Path:
    """Copy what a release is made from: building writes into the folder that it builds."""
    folder.mkdir(parents=True)
    for name in FOLDERS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=NEVER)
    for path in ROOT.iterdir():
        if path.is_file() and path.name not in (".git", ".gitignore"):
            shutil.copy2(path, folder)
    return folder


class Environment:
    """A virtual environment that sees the packages of this one, torch above all, after its own."""

    def __init__(self, folder: Path, borrow: Path) -> None:
        venv.create(folder, symlinks=True, with_pip=False)
        self.folder = folder
        self.python = folder / "bin" / "python"
        (site,) = (folder / "lib").glob("python*/site-packages")
        (site / "borrowed.pth").write_text(f"{borrow}\n", encoding="utf-8")

    def run(self, *command: str | Path, status: int = 0, **environment: str) -> str:
        """Run a program of the environment away from the checkout; gives what it printed on stdout and stderr."""
        program = self.folder / "bin" / command[0]
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "IMTRANS_", "PYTHON"))
        }
        done = subprocess.run(
            [str(program), *map(str, command[1:])],
            cwd=self.folder,
            env=kept | {"IMTRANS_CACHE": str(self.folder / "cache")} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == status, f"{command} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def pip_install(self, *arguments: str | Path, status: int = 0, **environment: str) -> str:
        """``pip install`` without an index."""
        offline = ("--no-index", "--no-deps", "--disable-pip-version-check")
        return self.run("python", "-m", "pip", "install", *offline, *arguments, status=status, **environment)
