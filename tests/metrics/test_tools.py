"""Settings made into networks, and refusals before a picture is read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from imtrans.cli.train_evaluator import TYPED
from imtrans.errors import MissingExtraError, UnknownNameError, UsageError, WeightsError
from imtrans.metrics.tools import ToolSettings, Typed, make_tools


def test_only_what_is_needed_is_loaded() -> None:
    tools = make_tools(ToolSettings("psnr,l1", border=2, channel="y"), paired=True)
    assert tools.features is None
    assert tools.lpips is None
    assert (tools.border, tools.channel) == (2, "y")
    assert make_tools(ToolSettings("fid", features="tiny:moments"), paired=False).features is not None


@pytest.mark.parametrize(
    ("metrics", "options", "words"),
    [
        ("psnr,kid,lpips", {"paired": False}, "lpips, psnr: every result needs a target of its own"),
        ("cycle", {"paired": False}, "cycle: it needs a model and its counterpart"),
        ("domain", {"paired": False}, "domain: its classifiers are trained on trainA/ and trainB/"),
    ],
)
def test_metrics_that_these_data_cannot_answer(metrics: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        make_tools(ToolSettings(metrics), **options)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"resize": "bicubic"}, "resize is original or clean, not 'bicubic'"),
        ({"lpips": "squeeze"}, "lpips is alex or vgg, not 'squeeze'"),
        ({"channel": "Y"}, "channel is rgb or y, not 'Y'"),
        ({"border": -1}, "a border of -1 pixels"),
    ],
)
def test_settings_that_do_not_exist(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        ToolSettings("psnr", **settings)


def test_unknown_metrics() -> None:
    with pytest.raises(UnknownNameError, match="no metric called 'fud'"):
        make_tools(ToolSettings("fud"), paired=True)


@pytest.mark.parametrize(
    ("metrics", "paired", "typed", "words"),
    [
        ("lpips", True, None, "or give --lpips-weights FILE. Without a file: --metrics psnr,ssim,l1."),
        ("lpips,l1,fid", True, None, "Without a file: --metrics l1."),
        ("kid", False, TYPED, "give --set train.evaluate_features=FILE. Without a file: --set train.metrics=domain."),
        ("lpips", True, TYPED, "alexnet-owt-7be5be79.pth. Without a file: --set train.metrics=psnr,ssim,l1."),
    ],
)
def test_what_to_type_where_a_file_cannot_be_had(
    metrics: str, paired: bool, typed: Typed | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMTRANS_CACHE", str(tmp_path))
    with pytest.raises(WeightsError) as caught:
        make_tools(ToolSettings(metrics), paired=paired, data=tmp_path, offline=True, typed=typed)
    assert words in caught.value.hint


def test_missing_packages_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMTRANS_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match="is not on this machine"):
        make_tools(ToolSettings("fid"), paired=False, offline=True)
    monkeypatch.setitem(sys.modules, "torchmetrics.functional.image", None)
    with pytest.raises(MissingExtraError, match="torchmetrics is not installed"):
        make_tools(ToolSettings("ssim"), paired=True)
