"""Which library is loaded, of several that lie around."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from imtrans.ops.native import cache, find, sources
from imtrans.ops.native.recipe import RECIPE, Recipe, recipe_for, write_json
from imtrans.ops.native.sources import find_sources


@pytest.fixture
def wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A tree of sources, an empty cache and an empty package; gives the recipe that fits."""
    for folder in sources.FOLDERS:
        (tmp_path / "csrc" / folder).mkdir(parents=True)
    monkeypatch.setattr(sources, "_default_root", lambda: tmp_path / "csrc")
    monkeypatch.setenv("IMTRANS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(find, "SHIPPED_LIBRARY", tmp_path / "_C.so")
    monkeypatch.setattr(find, "SHIPPED_RECORD", tmp_path / "_C.json")
    monkeypatch.setattr(torch.version, "cuda", None)
    return recipe_for(find_sources())


def put_in_cache(recipe: Recipe) -> Path:
    folder = cache.cache_folder() / recipe.key
    folder.mkdir(parents=True)
    (folder / "_C.so").touch()
    write_json(folder / RECIPE, recipe.to_json())
    return folder / "_C.so"


def put_in_package(recipe: Recipe) -> Path:
    find.SHIPPED_LIBRARY.touch()
    write_json(find.SHIPPED_RECORD, recipe.to_json())
    return find.SHIPPED_LIBRARY


def test_nothing_is_found_where_nothing_was_built(wanted: Recipe) -> None:
    assert find.find_library() is None
    assert find.why_no_library().startswith("no library was built when imtrans was installed.")


def test_the_reason_of_the_installation_is_told(wanted: Recipe) -> None:
    write_json(find.SHIPPED_RECORD, {"missing": "torch was not importable then."})
    assert "because torch was not importable then." in find.why_no_library()


def test_the_installed_library_goes_before_the_cache(wanted: Recipe) -> None:
    put_in_cache(wanted)
    path = put_in_package(wanted)
    assert find.find_library() == find.Found(path, "ahead of time", wanted)


def test_the_installed_library_outlives_an_update_of_torch(wanted: Recipe) -> None:
    path = put_in_package(dataclasses.replace(wanted, torch="2.11.0"))
    found = find.find_library()
    assert found is not None
    assert found.path == path


def test_an_installed_library_older_than_its_sources_is_passed_over(wanted: Recipe) -> None:
    put_in_package(dataclasses.replace(wanted, sources="older"))
    assert find.find_library() is None
    assert "older than its C++ sources" in find.why_no_library()
    path = put_in_cache(wanted)
    found = find.find_library()
    assert found is not None
    assert (found.path, found.kind) == (path, "on demand")


def test_a_library_with_cuda_goes_first_where_torch_has_cuda(wanted: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = put_in_package(wanted)
    with_cuda = put_in_cache(dataclasses.replace(wanted, cuda="13.0.88"))
    found = find.find_library()
    assert found is not None
    assert found.path == plain
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    found = find.find_library()
    assert found is not None
    assert found.path == with_cuda


def test_missing_sources_are_a_reason_and_no_traceback(wanted: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(sources, "PACKAGE", Path("/nowhere/imtrans"))
    assert find.find_library() is None
    assert find.cached_library() is None
    assert "sources of the native kernels are missing" in find.why_no_library()
