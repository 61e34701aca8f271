"""Cards refuse what could not work, before anybody tries."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from imtrans.card import API, Card, Ref, Weights

REFERENCES = {name: Ref("package.module:thing") for name in ("network_config", "build", "recognise")}


def make(**changes: Any) -> Card:
    """A sound card with some fields changed."""
    return Card(**{"name": "model", "summary": "does nothing", **REFERENCES, **changes})


def test_reference_loads_its_attribute() -> None:
    assert Ref("collections:OrderedDict.fromkeys").load()("ab") == {"a": None, "b": None}


@pytest.mark.parametrize("target", ["", "package", "package:", ":attribute"])
def test_reference_needs_both_halves(target: str) -> None:
    with pytest.raises(ValueError, match=r"package\.module:attribute"):
        Ref(target)


def test_reference_imports_nothing_early() -> None:
    assert Ref("no_such_package:thing").target == "no_such_package:thing"
    with pytest.raises(ModuleNotFoundError):
        Ref("no_such_package:thing").load()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "../up"}, "named with"),
        ({"name": "Upper"}, "named with"),
        ({"name": ""}, "named with"),
        ({"build": "package:thing"}, "build must be a Ref"),
        ({"build": None}, "build must be a Ref"),
        ({"method": Ref("a:b")}, "come together"),
        ({"default_weights": "x"}, "default_weights 'x'"),
        ({"weights": (Weights("a", "", "", file="f"), Weights("a", "", "", url="https://h/f"))}, "share a name"),
        ({"precisions": ("fp64",)}, "precisions"),
        ({"precisions": ("bf16",)}, "precisions"),
        ({"value_range": (1.0, -1.0)}, "value_range"),
        ({"channels": "RGBA"}, "channels"),
        ({"norm_at_inference": "both"}, "norm_at_inference"),
        ({"scale": 0}, "scale"),
    ],
)
def test_card_refuses(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_card_of_another_api_is_not_judged_by_our_rules() -> None:
    assert make(api=API + 1, channels="YCbCr").channels == "YCbCr"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "either a file in the package or a url"),
        ({"file": "a", "url": "https://host/a"}, "either"),
        ({"file": "/etc/passwd"}, "inside the package"),
        ({"file": "weights/../../up"}, "inside the package"),
        ({"url": "ftp://host/a"}, "https://"),
        ({"url": "https://host/a", "sha256": "ABC"}, "sha256"),
        ({"name": "a/b", "file": "a"}, "named with"),
        ({"name": "..", "file": "a"}, "named with"),
    ],
)
def test_weights_refuse(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Weights(**{"name": "w", "summary": "", "licence": "", **changes})


def test_weights_are_found_by_name() -> None:
    weights = Weights("horse2zebra", "", "", url="https://host/a.pth")
    card = make(weights=(weights,), default_weights="horse2zebra")
    assert card.find_weights("horse2zebra") is weights
    assert card.find_weights("zebra2horse") is None


@pytest.mark.parametrize(
    ("target", "package"),
    [("imtrans_x.config:Config", "imtrans_x"), ("family.x.config:Config", "family.x"), ("single:Config", "single")],
)
def test_package(target: str, package: str) -> None:
    assert make(network_config=Ref(target)).package == package


def test_needs_the_standard_library_only() -> None:
    code = "import sys, imtrans.card; print(sorted({'torch', 'numpy', 'msgspec', 'rich', 'typer'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
