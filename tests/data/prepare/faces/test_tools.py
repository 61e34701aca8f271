"""Detectors and segmenters by name, and what is said where there is none."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from PIL import Image

from imtrans.data.prepare.faces.tools import load_detector, load_segmenter
from imtrans.errors import MissingExtraError, UsageError

from .drawn import Detector, segment

HERE = f"{__package__}.drawn"


def test_a_class_and_a_function_go_by_their_names() -> None:
    assert isinstance(load_detector(f"{HERE}:Detector"), Detector)
    assert load_segmenter(f"{HERE}:segment") is segment


@pytest.mark.parametrize("reference", ["dlib", "nowhere:Detector", f"{HERE}:Nobody", ":x", "os:"])
def test_names_of_nothing_are_refused(reference: str) -> None:
    with pytest.raises(UsageError, match=f"there is no --detector {reference!r}") as caught:
        load_detector(reference)
    assert "package.module:name" in caught.value.have


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be called"):
        load_segmenter(f"{HERE}:SKIN")


@pytest.mark.parametrize("load", [load_detector, load_segmenter])
def test_without_the_library_it_is_said_what_to_install(load: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(MissingExtraError, match="needs the library mediapipe") as caught:
        load()  # type: ignore[operator]
    assert "pip install 'imtrans[faces]'" in caught.value.hint
    assert "--detector" in caught.value.hint


def test_a_release_without_models_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    library = ModuleType("mediapipe")
    library.__version__ = "1.2.2"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mediapipe", library)
    with pytest.raises(MissingExtraError, match=r"mediapipe 1\.2\.2 carries no models") as caught:
        load_detector()
    assert "0.10.21" in caught.value.have


def test_a_python_without_such_releases_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    monkeypatch.setattr("platform.python_version_tuple", lambda: ("3", "13", "2"))
    with pytest.raises(MissingExtraError) as caught:
        load_detector()
    assert "this is 3.13" in caught.value.have


def test_nothing_is_kept_from_stderr_afterwards(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(MissingExtraError):
        load_detector()
    print("heard", file=sys.stderr, flush=True)
    assert "heard" in capfd.readouterr().err


def test_the_library_itself_finds_no_face_in_nothing() -> None:
    """Only where it is installed; pictures of people are no part of the tests."""
    pytest.importorskip("mediapipe.python.solutions", reason="the extra 'faces' is not installed")
    noise = Image.effect_noise((300, 280), 80).convert("RGB")
    assert load_detector()(noise) == []
    mask = load_segmenter()(noise)
    assert (mask.mode, mask.size) == ("L", (300, 280))
