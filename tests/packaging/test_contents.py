"""What a wheel and an sdist hold, compared with the tree they are built from."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from environments import copy_checkout

pytestmark = pytest.mark.install


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_checkout(tmp_path_factory.mktemp("contents") / "checkout")


@pytest.fixture(scope="module")
def sdist(tree: Path) -> Path:
    return build("sdist", tree)


@pytest.fixture(scope="module")
def wheel(tree: Path, sdist: Path) -> Path:  # after the sdist: both write into the tree
    return build("wheel", tree)


def build(kind: str, source: Path) -> Path:
    """Build one distribution without compiling anything; gives its file."""
    output = source.parent / f"{source.name}-{kind}"
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", str(output), str(source)],
        env=os.environ | {"IMTRANS_BUILD_KERNELS": "0"},
        check=True,
        capture_output=True,
    )
    (archive,) = output.iterdir()
    return archive


def names_in_wheel(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def files_below(folder: Path, prefix: str = "") -> set[str]:
    return {
        prefix + path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "egg-info" not in path.as_posix() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_package_plugins_and_kernel_sources_and_nothing_else(tree: Path, wheel: Path) -> None:
    expected = files_below(tree / "imtrans", "imtrans/")
    expected |= files_below(tree / "csrc", "imtrans/_csrc/")
    expected |= files_below(tree / "plugins")
    assert names_in_wheel(wheel) == expected | {"imtrans/_C.json"}


def test_every_folder_with_code_is_a_package(tree: Path) -> None:
    for folder in (tree / "imtrans", *(tree / "plugins").iterdir()):
        for module in folder.rglob("*.py"):
            if "scaffold" not in module.parts or module.parent.name == "scaffold":
                assert (module.parent / "__init__.py").exists(), f"{module.parent} lacks an __init__.py"


def test_the_wheel_carries_licence_command_and_plugins(tree: Path, wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (folder,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
    assert "Apache License" in archive.read(f"{folder}/licenses/LICENSE").decode()
    points = configparser.ConfigParser()
    points.read_string(archive.read(f"{folder}/entry_points.txt").decode())
    assert points["console_scripts"]["imtrans"] == "imtrans.cli.main:main"
    targets = {target.partition(":")[0] for target in points["imtrans.plugins"].values()}
    assert targets == {path.name for path in (tree / "plugins").iterdir() if (path / "__init__.py").exists()}


def test_a_wheel_without_kernels_serves_every_platform(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")


def test_the_sdist_gives_the_same_wheel(tmp_path: Path, sdist: Path, wheel: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    assert names_in_wheel(build("wheel", unpacked)) == names_in_wheel(wheel)


def test_the_sdist_holds_what_developers_need(tree: Path, sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for folder in ("csrc", "tests", "docs", "plugins"):
        assert files_below(tree / folder, f"{folder}/") <= names
    assert {"pyproject.toml", "setup.py", "MANIFEST.in", "Makefile", "LICENSE", "README.md"} <= names
    assert not [name for name in names if name.endswith((".so", ".pyc"))]
