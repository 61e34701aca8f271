"""The kernels without torch: compiled into a Python module on first use."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.csrc.native_build import build, compiler, load


@pytest.fixture(scope="session")
def kernels(pytestconfig: pytest.Config) -> ModuleType:
    """The module of ``csrc/python/kernels.cpp``, kept in pytest's cache and shared by its workers."""
    if compiler() is None:
        pytest.skip("there is no C++ compiler")
    pytest.importorskip("pybind11")
    return load(build(pytestconfig.cache.mkdir("csrc")))
