"""Levels are sizes."""

from __future__ import annotations

from imtrans.nn.level import parts, side


def test_levels_are_sizes_and_shares() -> None:
    assert [side(level) for level in (0, 0.1, 1, 2, 2.25)] == [4, 8, 8, 16, 32]
    assert parts(2.25) == (2, 0.25)
    assert parts(3) == (3, 0)
