"""Remarks that mean nothing to users are left out, and no others."""

from __future__ import annotations

import warnings

import pytest

from imtrans.cli.remarks import without_pillow_s_remarks


def test_pillow_is_silent_and_others_are_heard() -> None:
    with warnings.catch_warnings(record=True) as heard, without_pillow_s_remarks():
        warnings.warn_explicit("odd metadata", UserWarning, "TiffImagePlugin.py", 1, module="PIL.TiffImagePlugin")
        warnings.warn_explicit("something else", UserWarning, "other.py", 1, module="other")
    assert [str(warning.message) for warning in heard] == ["something else"]
    with pytest.warns(UserWarning, match="odd metadata"):
        warnings.warn_explicit("odd metadata", UserWarning, "TiffImagePlugin.py", 1, module="PIL.TiffImagePlugin")
