"""Choosing who computes."""

from __future__ import annotations

import threading

import pytest
import torch

from imtrans.errors import BackendError, UsageError
from imtrans.ops import backend, instance_norm, library, use_backend
from imtrans.ops.library import Library


def test_auto_is_the_default_and_comes_back() -> None:
    assert backend.current_backend() == "auto"
    with use_backend("reference"):
        with use_backend("fused"):
            assert backend.current_backend() == "fused"
        assert backend.current_backend() == "reference"
    assert backend.current_backend() == "auto"


def test_an_exception_does_not_keep_the_backend() -> None:
    with pytest.raises(RuntimeError), use_backend("reference"):
        raise RuntimeError
    assert backend.current_backend() == "auto"


def test_other_threads_keep_their_own() -> None:
    seen: list[str] = []
    with use_backend("reference"):
        thread = threading.Thread(target=lambda: seen.append(backend.current_backend()))
        thread.start()
        thread.join()
    assert seen == ["auto"]


def test_unknown_backend() -> None:
    with pytest.raises(UsageError) as caught, use_backend("refrence"):
        pass
    assert "Did you mean 'reference'?" in caught.value.have


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "load", lambda: Library(None, "none", "nobody built one."))
    backend.forget_fallbacks()


@pytest.mark.usefixtures("no_library")
def test_auto_falls_back_and_remembers_why() -> None:
    x = torch.randn(1, 2, 3, 4)
    got = instance_norm(x)
    instance_norm(x)
    torch.testing.assert_close(got, torch.nn.functional.instance_norm(x))
    assert backend.fallbacks("instance_norm") == {"there is no native library: nobody built one.": 2}


@pytest.mark.usefixtures("no_library")
def test_fused_raises_with_the_reason() -> None:
    with use_backend("fused"), pytest.raises(BackendError, match="no native library: nobody built one") as caught:
        instance_norm(torch.randn(1, 2, 3, 4))
    assert "imtrans doctor --ops" in caught.value.hint


@pytest.mark.usefixtures("no_library")
def test_reference_by_choice_is_no_fallback() -> None:
    with use_backend("reference"):
        instance_norm(torch.randn(1, 2, 3, 4))
    assert backend.fallbacks("instance_norm") == {}
