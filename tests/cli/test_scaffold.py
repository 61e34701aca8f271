"""``imtrans plugins new``: what it writes, what it refuses, and that the result works where it is installed."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imtrans.cli import scaffold
from imtrans.errors import OutputError, UsageError


@pytest.mark.parametrize("name", ["mymodel", "two-words", "a", "pix2pix_hd", "mymodel2", "class", "none", "method"])
def test_new_writes_python_under_the_given_name(tmp_path: Path, name: str) -> None:
    root = scaffold.write(name, tmp_path / "new" / "folder")
    package = f"imtrans_{name.replace('-', '_')}"
    assert root.name == package.replace("_", "-")
    sources = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.py"))
    module = package.removeprefix("imtrans_")
    files = ("__init__", "config", "method", "networks")
    assert sources == [*(f"{package}/{file}.py" for file in files), f"tests/test_{module}.py"]
    for source in sources:
        compile((root / source).read_text(encoding="utf-8"), source, "exec")
    pyproject = (root / "pyproject.toml").read_text(encoding="utf-8")
    assert f'{name} = "{package}:card"' in pyproject
    if name not in ("mymodel", "mymodel2"):
        text = "".join(path.read_text(encoding="utf-8") for path in root.rglob("*") if path.is_file())
        assert "mymodel" not in text.lower()
    assert [path.name for path in root.parent.iterdir()] == [root.name]


def test_new_overwrites_nothing(tmp_path: Path) -> None:
    root = scaffold.write("mymodel", tmp_path)
    (root / "README.md").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        scaffold.write("mymodel", tmp_path)
    assert (root / "README.md").read_text() == "mine"


def test_new_in_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        scaffold.write("mymodel", tmp_path / "file" / "folder")


HOSTILE = [
    *("", ".", "..", "../up", "/etc", "a/b", "a\\b", "-rf", "--help", "a b", "a;b", "$(x)", "a\nb", "a\x00b", "%s"),
    *("Upper", "1st", "a--b", "a-", "-a", "_a", "a__b", "ä", "a" * 41, "imtrans", "imtrans-x", "imtrans_x"),
]


@pytest.mark.parametrize("name", HOSTILE)
def test_new_refuses_what_is_no_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        scaffold.write(name, tmp_path)
    assert not list(tmp_path.iterdir())


@given(st.text())
def test_a_name_is_refused_or_safe(name: str) -> None:
    try:
        scaffold.check_name(name)
    except UsageError:
        return
    assert name.replace("-", "_").isidentifier()
    assert name.isascii()


def test_new_refuses_the_name_of_an_installed_plugin(distributions, tmp_path: Path) -> None:
    distributions.add("imtrans-half", {"half_done": "fake_half:card"}, {"fake_half": "1 / 0"})
    for name in ("cyclegan", "half_done", "half-done"):
        with pytest.raises(UsageError, match="installed already"):
            scaffold.write(name, tmp_path)


class Elsewhere:
    """A virtual environment of its own that borrows this one's packages, imtrans and torch among them."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True, with_pip=False)
        (site,) = folder.glob("lib/python*/site-packages")
        borrowed = sysconfig.get_path("purelib")
        # addsitedir, unlike a plain line, follows the .pth files there, such as that of an editable installation.
        (site / "borrowed.pth").write_text(f"import site; site.addsitedir({borrowed!r})\n", encoding="utf-8")
        self.folder = folder

    def run(self, *arguments: str | Path) -> str:
        """Run ``python -m`` there, away from the checkout; gives what it printed."""
        command = [str(self.folder / "bin" / "python"), "-m", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout


@pytest.fixture
def elsewhere(tmp_path: Path) -> Elsewhere:
    """An environment to install into."""
    return Elsewhere(tmp_path / "environment")


@pytest.mark.install
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the layout of POSIX environments")
def test_what_it_writes_installs_passes_trains_and_runs(elsewhere: Elsewhere, tmp_path: Path) -> None:
    elsewhere.run("imtrans", "plugins", "new", "new-model", "--output", tmp_path)
    root = tmp_path / "imtrans-new-model"
    elsewhere.run("pip", "install", "--no-index", "--no-deps", "--no-build-isolation", root)
    rows = [line.split() for line in elsewhere.run("imtrans", "plugins").splitlines()]
    assert ["new-model", "imtrans-new-model", "0.1.0", "ok"] in rows

    report = elsewhere.run("pytest", "-q", "-p", "no:cacheprovider", root / "tests")
    assert " passed" in report
    assert "failed" not in report

    for domain, colour in (("trainA", "red"), ("trainB", "blue")):
        (tmp_path / "data" / domain).mkdir(parents=True)
        Image.new("RGB", (40, 40), colour).save(tmp_path / "data" / domain / "0.png")
    sizes = ("--steps", "2", "--crop-size", "32", "--load-size", "36", "--device", "cpu", "--set", "generator.width=5")
    elsewhere.run("imtrans", "train", "new-model", "--data", tmp_path / "data", "--output", tmp_path / "run", *sizes)
    (weights,) = (tmp_path / "run" / "checkpoints").glob("*/generator.safetensors")

    Image.new("RGB", (17, 9), "green").save(tmp_path / "photo.png")
    files = ("--input", tmp_path / "photo.png", "--output", tmp_path / "out", "--weights", weights)
    elsewhere.run("imtrans", "run", "new-model", *files)
    (picture,) = (tmp_path / "out").iterdir()
    assert Image.open(picture).size == (17, 9)
