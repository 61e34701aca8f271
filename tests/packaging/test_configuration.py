"""Lists in pyproject.toml that must not fall behind the tree."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def plugins() -> set[str]:
    return {path.parent.name for path in (ROOT / "plugins").glob("*/__init__.py")}


def contract(project: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [each for each in project["tool"]["importlinter"]["contracts"] if each["name"] == name]
    return found


def test_every_plugin_is_under_the_rules_of_the_architecture(project: dict[str, Any]) -> None:
    assert set(project["tool"]["importlinter"]["root_packages"]) == {"imtrans", *plugins()}
    assert set(contract(project, "The core never imports a plugin")["forbidden_modules"]) == plugins()
    assert set(contract(project, "A plugin never imports the command line")["source_modules"]) == plugins()


def test_every_plugin_is_registered(project: dict[str, Any]) -> None:
    registered = {target.partition(":")[0] for target in project["project"]["entry-points"]["imtrans.plugins"].values()}
    assert registered == plugins()


def test_imports_of_plugins_are_sorted_as_our_own(project: dict[str, Any]) -> None:
    assert {"imtrans", *plugins()} <= set(project["tool"]["ruff"]["lint"]["isort"]["known-first-party"])


@pytest.mark.parametrize("tool", ["ruff", "mypy", "clang-format", "import-linter"])
def test_tools_whose_verdicts_change_are_pinned(project: dict[str, Any], tool: str) -> None:
    (requirement,) = [each for each in project["project"]["optional-dependencies"]["dev"] if each.startswith(tool)]
    assert re.fullmatch(rf"{tool}==[0-9.]+", requirement)
