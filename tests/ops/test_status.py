"""What ``imtrans doctor --ops`` shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from imtrans.ops import backend, instance_norm, self_check, status
from imtrans.ops.operator import OPERATORS, Check


def test_every_operator_is_listed() -> None:
    backend.forget_fallbacks()
    (shown,) = [operator for operator in status().operators if operator.name == "instance_norm"]
    assert shown.summary
    assert "cpu" in shown.unavailable
    assert shown.dtypes["cpu"] == ("bfloat16", "float32", "float64")
    assert shown.fallbacks == {}


def test_fallbacks_are_counted() -> None:
    backend.forget_fallbacks()
    instance_norm(torch.zeros(1, 2, 3, 3, dtype=torch.float16))
    (shown,) = [operator for operator in status().operators if operator.name == "instance_norm"]
    (reason,) = shown.fallbacks
    assert "float16" in reason or "no native library" in reason


@pytest.mark.usefixtures("fused")
def test_kernels_pass_their_self_check() -> None:
    checks = self_check("cpu")["instance_norm"]
    assert len({check.case for check in checks}) == len(checks) >= 24
    assert all(check.passed for check in checks)


@pytest.mark.usefixtures("fused")
def test_a_self_check_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    from imtrans.ops import checks

    def wrong(*arguments: torch.Tensor, **keywords: Any) -> torch.Tensor:
        y = instance_norm(*arguments, **keywords)
        return y if y.dtype == torch.float64 else 1.1 * y

    found = checks.check_against_reference([torch.float32], torch.device("cpu"), wrong)
    assert not found[0].passed


def test_nan_does_not_pass() -> None:
    assert not Check("nonsense", float("nan"), 1.0).passed


def test_without_kernels_there_is_nothing_to_check() -> None:
    assert self_check("meta") == {name: [] for name in OPERATORS}


def test_operators_are_named_once() -> None:
    operator = OPERATORS["instance_norm"]
    assert next(iter(operator.schemas)) == operator.name
    assert replace(operator, dtypes={}).why_not(torch.zeros(1)) is not None
