"""Settings that a user types -> the networks that the metrics measure with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

import torch

from imtrans.errors import UsageError, WeightsError
from imtrans.metrics import pairwise
from imtrans.metrics.judges import Report, obtain_judges
from imtrans.metrics.measure import Tools
from imtrans.metrics.networks.features import load_features
from imtrans.metrics.networks.inception import Resize
from imtrans.metrics.networks.lpips import Backbone, load_lpips
from imtrans.metrics.scores import chosen_metrics
from imtrans.weights.download import Progress

PAIRED = "psnr,ssim,l1"
UNPAIRED = "kid,fid"
DOWNLOADING = ("lpips", "fid", "kid")
"""Metrics that look through a network whose file is fetched once."""


@dataclass(frozen=True)
class ToolSettings:
    """What is measured, and through what.

    Attributes:
        metrics: names with commas between them.
        features: ``"inception"``, a file with its weights, or ``"module:name"``; for FID and KID.
        resize: how Inception's pictures get to 299 pixels, ``"original"`` or ``"clean"``.
        lpips: ``"alex"`` or ``"vgg"``.
        lpips_weights: that network's file, if it is not to be downloaded.
        border: pixels left out on every side by PSNR, SSIM, MS-SSIM and L1.
        channel: ``"rgb"`` or ``"y"``, what these four see.
    """

    metrics: str
    features: str = "inception"
    resize: Resize = "original"
    lpips: Backbone = "alex"
    lpips_weights: Path | None = None
    border: int = 0
    channel: pairwise.Channel = "rgb"

    def __post_init__(self) -> None:
        choices = {"resize": ("original", "clean"), "lpips": ("alex", "vgg"), "channel": ("rgb", "y")}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise UsageError(f"{name} is {' or '.join(known)}, not {getattr(self, name)!r}.")
        if self.border < 0:
            raise UsageError(f"a border of {self.border} pixels is none; it is 0 or more.")


@dataclass(frozen=True)
class Typed:
    """How the command at hand is told what is measured, for messages; the defaults are ``imtrans evaluate``'s."""

    metrics: str = "--metrics {}"
    features: str = "--features {}"
    lpips: str | None = "--lpips-weights FILE"
    """None where the file cannot be named."""


def make_tools(
    settings: ToolSettings,
    *,
    paired: bool,
    cycle: bool = False,
    data: Path | None = None,
    target_domain: Literal["A", "B"] = "B",
    device: str | torch.device = "cpu",
    offline: bool = False,
    progress: Progress | None = None,
    report: Report = lambda sees, step, steps: None,
    typed: Typed | None = None,
) -> Tools:
    """Everything that the metrics need, or the reason why one of them cannot work here, before a picture is read.

    Args:
        settings: what is asked for.
        paired: whether every result has a target of its own.
        cycle: whether there is a way back.
        data: the folder with ``trainA`` and ``trainB``, for the domain classifiers.
        target_domain: what results ought to pass for.
        device: where the networks compute.
        offline: never download.
        progress: called while downloading.
        report: told how the training of domain classifiers goes.
        typed: how a user says all this.

    Raises:
        UsageError: a metric is asked for that these data cannot answer.
        MissingExtraError: a package is not installed.
        WeightsError: a network's file cannot be had.
    """
    metrics = chosen_metrics(settings.metrics)
    kinds: set[str] = {metric.kind for metric in metrics}
    names = {metric.name for metric in metrics}
    _check_possible(kinds, names, paired=paired, cycle=cycle, data=data)
    if names & {"ssim", "ms-ssim"}:
        pairwise.require_torchmetrics()
    lpips, features, typed = None, None, typed or Typed()
    online: _Online = {"offline": offline, "progress": progress}
    try:
        if "lpips" in names:
            lpips = load_lpips(settings.lpips, settings.lpips_weights, option=typed.lpips, **online).to(device)
        if "sets" in kinds:
            option = typed.features.format("FILE")
            features = load_features(settings.features, resize=settings.resize, device=device, option=option, **online)
    except WeightsError as error:
        way = _without_download([metric.name for metric in metrics], typed, paired=paired, data=data)
        raise WeightsError(error.what, have=error.have, hint=f"{error.hint} {way}".strip()) from error
    judges = obtain_judges(data, report=report) if "domain" in kinds and data is not None else {}
    return Tools(metrics, features, lpips, judges, target_domain, settings.border, settings.channel)


class _Online(TypedDict):
    offline: bool
    progress: Progress | None


def _without_download(names: list[str], typed: Typed, *, paired: bool, data: Path | None) -> str:
    """What to type where a network's file cannot be had."""
    kept = ",".join(name for name in names if name not in DOWNLOADING)
    kept = kept or (PAIRED if paired else "domain" if data is not None else "")
    if kept:
        return f"Without a file: {typed.metrics.format(kept)}."
    return f"Without a file, through a network of your own: {typed.features.format('package.module:name')}."


def _check_possible(kinds: set[str], names: set[str], *, paired: bool, cycle: bool, data: Path | None) -> None:
    if "pairs" in kinds and not paired:
        wanted = ", ".join(sorted(names & {"psnr", "ssim", "ms-ssim", "l1", "lpips"}))
        raise UsageError(
            f"{wanted}: every result needs a target of its own, and these come in no pairs.",
            have="Pictures are paired by name. For sets there are fid and kid.",
            hint="If they do belong together by name, say --paired.",
        )
    if "cycle" in kinds and not cycle:
        raise UsageError(
            "cycle: it needs a model and its counterpart.", hint="imtrans evaluate MODEL --data DIR --back WEIGHTS ..."
        )
    if "domain" in kinds and data is None:
        raise UsageError(
            "domain: its classifiers are trained on trainA/ and trainB/.", hint="imtrans evaluate MODEL --data DIR ..."
        )
