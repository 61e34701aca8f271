"""``import imtrans`` is cheap, and its public names are there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import imtrans


def test_import_is_lazy() -> None:
    code = "import sys, imtrans; print(sorted(m for m in sys.modules if m.split('.')[0] in ('torch', 'numpy', 'PIL')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", imtrans.__all__)
def test_public_names_exist(name: str) -> None:
    assert getattr(imtrans, name) is not None
    assert name in dir(imtrans)


def test_unknown_names_do_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = imtrans.nonsense


def test_models_gives_cards() -> None:
    assert imtrans.models()["cyclegan"].name == "cyclegan"
