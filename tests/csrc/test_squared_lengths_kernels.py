"""The lengths of kernels without torch, against numpy."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from tests.csrc.norm_cases import decode, encode, unaligned

TOLERANCE = {"float64": 1e-14, "float32": 1e-6, "bfloat16": 1e-6}


@pytest.mark.parametrize("channels_last", [True, False], ids=["nhwc", "nchw"])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("taps", [(1, 1), (3, 3), (4, 1), (5, 7)], ids=str)
@pytest.mark.parametrize("channels", [1, 3, 16, 17, 33, 130])
def test_agrees_with_numpy(
    kernels: ModuleType, channels: int, taps: tuple[int, int], dtype: str, channels_last: bool
) -> None:
    shape = (5, *taps, channels) if channels_last else (5, channels, *taps)
    random, real = np.random.default_rng(0), np.float64 if dtype == "float64" else np.float32
    weight, squares = encode(random.normal(size=shape), dtype), random.uniform(size=(3, channels)).astype(real)
    got = kernels.cpu.squared_lengths(unaligned(weight), squares, channels_last)
    energies = np.square(decode(weight).astype(np.float64)).sum((1, 2) if channels_last else (2, 3))
    np.testing.assert_allclose(got, squares.astype(np.float64) @ energies.T, rtol=TOLERANCE[dtype])


@pytest.mark.parametrize("channels_last", [True, False], ids=["nhwc", "nchw"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_spoils_its_output_channel_alone(
    kernels: ModuleType, bad: float, channels_last: bool
) -> None:
    weight = np.ones((4, 3, 3, 18) if channels_last else (4, 18, 3, 3), np.float32)
    weight[2, 1, 1, 1] = bad
    got = kernels.cpu.squared_lengths(weight, np.ones((2, 18), np.float32), channels_last)
    assert np.isfinite(got).tolist() == [[True, True, False, True]] * 2
    assert (got[:, [0, 1, 3]] == 18 * 9).all()


def test_no_images_have_no_lengths(kernels: ModuleType) -> None:
    got = kernels.cpu.squared_lengths(np.ones((4, 3, 3, 5), np.float32), np.ones((0, 5), np.float32), True)
    assert got.shape == (0, 4)


def test_float16_is_refused(kernels: ModuleType) -> None:
    with pytest.raises(ValueError, match="no CPU kernel for float16"):
        kernels.cpu.squared_lengths(np.ones((4, 3, 3, 5), np.float16), np.ones((2, 5), np.float32), True)
