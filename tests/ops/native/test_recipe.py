"""The recipe: written, read, and told apart by every ingredient."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from imtrans.errors import BuildError
from imtrans.ops.native.recipe import Recipe, read_built, torch_version, write_json

text = st.text(max_size=20)
recipes = st.builds(
    Recipe,
    sources=text,
    flags=st.lists(text, max_size=4).map(tuple),
    torch=text,
    machine=text,
    compiler=text,
    cuda=st.none() | text,
)
ONE = Recipe("digest", ("-O3",), "2.13.0", "x86_64", "g++ 12", None)


@given(recipes)
def test_a_recipe_survives_json(recipe: Recipe) -> None:
    again = Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
    assert again == recipe
    assert again.key == recipe.key


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Recipe)])
def test_every_ingredient_changes_the_key(field: str) -> None:
    other = dataclasses.replace(ONE, **{field: ("-O2",) if field == "flags" else "other"})
    assert other.key != ONE.key


@pytest.mark.parametrize(
    ("field", "serves"),
    [("sources", False), ("flags", False), ("torch", False), ("machine", False), ("compiler", True), ("cuda", True)],
)
def test_what_may_differ_in_a_library_that_is_loaded(field: str, serves: bool) -> None:
    other = dataclasses.replace(ONE, **{field: ("-O2",) if field == "flags" else "other"})
    assert other.serves(ONE) is serves


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"flags": 3}', "null"])
def test_a_broken_record_counts_as_no_library(tmp_path: Path, content: str) -> None:
    (tmp_path / "_C.so").touch()
    (tmp_path / "recipe.json").write_text(content)
    assert read_built(tmp_path / "_C.so", tmp_path / "recipe.json") is None


def test_a_record_without_its_library_counts_as_no_library(tmp_path: Path) -> None:
    write_json(tmp_path / "recipe.json", ONE.to_json())
    assert read_built(tmp_path / "_C.so", tmp_path / "recipe.json") is None
    (tmp_path / "_C.so").touch()
    built = read_built(tmp_path / "_C.so", tmp_path / "recipe.json")
    assert built is not None
    assert built.recipe == ONE


@pytest.mark.parametrize("version", ["2.10.1", "1.13.0+cu117", "2.9.0a0+git"])
def test_an_old_torch_is_refused(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(torch, "__version__", version)
    with pytest.raises(BuildError, match=r"need torch 2\.11 or later"):
        torch_version()


@pytest.mark.parametrize("version", ["2.11.0", "2.13.0+cpu", "3.0.1"])
def test_later_ones_are_taken(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(torch, "__version__", version)
    assert torch_version() == version
