"""The three ways to install imtrans, each into an environment of its own, and what ``imtrans doctor`` says there."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from environments import Environment

pytestmark = [
    pytest.mark.install,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="native kernels are built on Linux"),
]

Make = Callable[[], Environment]


def library_of(environment: Environment) -> dict[str, str]:
    """What the doctor says about the native kernels, after checking every operator."""
    report = json.loads(environment.run("imtrans", "doctor", "--ops", "--json"))
    assert report["ok"]
    return {each["name"]: each["value"] for each in report["findings"] if each["section"] == "Native kernels"}


def break_sources(checkout: Path) -> None:
    """Leave one file to compile, which no compiler takes."""
    for source in (checkout / "csrc").rglob("*.cpp"):
        source.unlink()
    (checkout / "csrc" / "cpu" / "broken.cpp").write_text("this is no C++;\n", encoding="utf-8")


def test_isolated_install_is_pure_and_builds_on_demand(
    checkout: Path, make_environment: Make, wheelhouse: Path, quick_build: dict[str, str]
) -> None:
    environment = make_environment()
    environment.pip_install("--find-links", wheelhouse, checkout)
    assert "torch was not importable then" in library_of(environment)["library"]

    built = environment.run("imtrans", "kernels", "build", **quick_build).splitlines()[-1]
    library = library_of(environment)
    assert (library["library"], library["path"]) == ("on demand", built)
    assert Path(built).is_relative_to(environment.folder / "cache")


def test_install_without_isolation_has_its_kernels_built_ahead(
    checkout: Path, make_environment: Make, quick_build: dict[str, str]
) -> None:
    environment = make_environment()
    environment.pip_install("--no-build-isolation", checkout, IMTRANS_BUILD_KERNELS="1", **quick_build)
    library = library_of(environment)
    assert library["library"] == "ahead of time"
    assert Path(library["path"]).is_relative_to(environment.folder / "lib")


@pytest.mark.exhaustive
def test_editable_install_has_its_kernels_in_the_checkout_and_notices_changes(
    checkout: Path, make_environment: Make, quick_build: dict[str, str]
) -> None:
    environment = make_environment()
    install = ("--no-build-isolation", "--editable", checkout)
    environment.pip_install(*install, IMTRANS_BUILD_KERNELS="1", **quick_build)
    library = library_of(environment)
    assert (library["library"], library["path"]) == ("ahead of time", str(checkout / "imtrans" / "_C.so"))

    again = environment.pip_install("--verbose", *install, IMTRANS_BUILD_KERNELS="1", **quick_build)
    assert "the kernels have not changed" in again

    (checkout / "csrc" / "common" / "new.h").write_text("// an edit\n", encoding="utf-8")
    assert "older than its C++ sources" in library_of(environment)["library"]


def test_zero_never_builds(checkout: Path, make_environment: Make) -> None:
    environment = make_environment()
    environment.pip_install("--no-build-isolation", checkout, IMTRANS_BUILD_KERNELS="0")
    assert "IMTRANS_BUILD_KERNELS=0 said so" in library_of(environment)["library"]


def test_one_fails_the_install_when_the_compiler_fails(
    checkout: Path, make_environment: Make, quick_build: dict[str, str]
) -> None:
    break_sources(checkout)
    said = make_environment().pip_install(
        "--no-build-isolation", checkout, status=1, IMTRANS_BUILD_KERNELS="1", **quick_build
    )
    assert "IMTRANS_BUILD_KERNELS=1 asks for them" in said
    assert "broken.cpp" in said


def test_auto_installs_without_kernels_when_the_compiler_fails_and_remembers_why(
    checkout: Path, make_environment: Make, quick_build: dict[str, str]
) -> None:
    break_sources(checkout)
    environment = make_environment()
    said = environment.pip_install("--verbose", "--no-build-isolation", checkout, **quick_build)
    assert "installed WITHOUT its native kernels" in said
    assert "compiling cpu.broken.cpp failed" in library_of(environment)["library"]


def test_one_without_torch_says_how_to_install(checkout: Path, make_environment: Make, wheelhouse: Path) -> None:
    said = make_environment().pip_install("--find-links", wheelhouse, checkout, status=1, IMTRANS_BUILD_KERNELS="1")
    assert "pip install torch && pip install --no-build-isolation" in said


def test_a_senseless_mode_is_refused(checkout: Path, make_environment: Make) -> None:
    said = make_environment().pip_install("--no-build-isolation", checkout, status=1, IMTRANS_BUILD_KERNELS="yes")
    assert "IMTRANS_BUILD_KERNELS=yes means nothing" in said
