"""What can be measured, by name, and what a measured number has to say of itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from imtrans.errors import UnknownNameError, did_you_mean

Kind = Literal["pairs", "sets", "cycle", "domain"]


@dataclass(frozen=True)
class Metric:
    """A metric as it is asked for.

    Attributes:
        name: as typed.
        title: as printed.
        kind: what it needs: pairs of result and target, two sets, a way back, or judges of the domains.
        higher_is_better: whether more is better.
        summary: one line for help.
    """

    name: str
    title: str
    kind: Kind
    higher_is_better: bool
    summary: str


METRICS = {
    metric.name: metric
    for metric in (
        Metric("psnr", "PSNR (dB)", "pairs", True, "peak signal-to-noise ratio"),
        Metric("ssim", "SSIM", "pairs", True, "structural similarity"),
        Metric("ms-ssim", "MS-SSIM", "pairs", True, "the same over five scales"),
        Metric("l1", "L1", "pairs", False, "mean absolute difference, of pictures from 0 to 1"),
        Metric("lpips", "LPIPS", "pairs", False, "distance in the maps of a recognition network"),
        Metric("fid", "FID", "sets", False, "Fréchet distance of Inception features"),
        Metric("kid", "KID", "sets", False, "kernel distance of Inception features, sound for few pictures"),
        Metric("cycle", "Cycle L1", "cycle", False, "mean absolute difference after the way there and back"),
        Metric("domain", "Domain", "domain", True, "share that a classifier takes for the target domain"),
    )
}


def chosen_metrics(text: str) -> tuple[Metric, ...]:
    """The metrics in ``"psnr,ssim"``, in the order typed and each once.

    Raises:
        UnknownNameError: there is no such metric, or none is named.
    """
    names = [name.strip().lower().replace("_", "-") for name in text.split(",") if name.strip()]
    for name in names:
        if name not in METRICS:
            have = f"There are {', '.join(METRICS)}. {did_you_mean(name, METRICS)}"
            raise UnknownNameError(f"there is no metric called {name!r}.", have=have.strip())
    if not names:
        raise UnknownNameError("no metric is named.", have=f"There are {', '.join(METRICS)}.")
    return tuple(METRICS[name] for name in dict.fromkeys(names))


@dataclass(frozen=True)
class Score:
    """A number and all that it depends on.

    Attributes:
        metric: the metric's name; ``domain`` comes as ``domain-colour`` and ``domain-luminance``.
        title: as printed.
        value: None where nothing could be measured; the notes say why.
        higher_is_better: whether more is better.
        baseline: the number of doing nothing: the input taken for the result. None where no inputs are known.
        spread: standard deviation over the pictures of pairwise numbers; standard error of KID.
        count: results measured.
        targets: targets compared with.
        compared: what with what, in words.
        setting: size, channels, network: what has to agree before two numbers may be compared.
        network: name and digest of the network that looked, where one did.
        notes: what to know before quoting it.
    """

    metric: str
    title: str
    value: float | None
    higher_is_better: bool
    baseline: float | None = None
    spread: float | None = None
    count: int = 0
    targets: int = 0
    compared: str = ""
    setting: str = ""
    network: str = ""
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For programs. JSON knows no infinity: it stands there as the string ``"Infinity"``, which ``float`` reads."""
        numbers = {"value": self.value, "baseline": self.baseline, "spread": self.spread}
        return {
            "metric": self.metric,
            **{name: json_number(value) for name, value in numbers.items()},
            "higher_is_better": self.higher_is_better,
            "count": self.count,
            "targets": self.targets,
            "compared": self.compared,
            "setting": self.setting,
            "network": self.network,
            "notes": list(self.notes),
        }


def json_number(value: float | None) -> float | str | None:
    """A number that JSON can hold, or the names that ECMAScript and Python have for those that it cannot."""
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def shown_number(value: float | None) -> str:
    """Four significant figures and more, for tables."""
    if value is None:
        return "-"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.2f}" if abs(value) >= 10 else f"{value:.4f}"


def mean_and_spread(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Mean and standard deviation; infinite values make the mean infinite and leave no deviation to speak of."""
    if not values:
        return None, None
    mean = math.fsum(values) / len(values) if all(map(math.isfinite, values)) else sum(values)
    if len(values) < 2 or not math.isfinite(mean):
        return mean, None
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def sizes_in_words(sizes: Iterable[tuple[int, int]]) -> str:
    """``"256 x 256"``, or the range of (width, height) that there were."""
    different = sorted(set(sizes), key=lambda size: (size[0] * size[1], size))
    if not different:
        return ""
    smallest, largest = (f"{width} x {height}" for width, height in (different[0], different[-1]))
    return smallest if len(different) == 1 else f"{len(different)} sizes from {smallest} to {largest}"
