"""Batches of results in, scores out: every metric at once, the same for doing nothing.

A number of a translation means little alone, so everything that is measured of the results is measured of the inputs
too, as if they were the results. Only numbers and features are kept of the pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from imtrans.errors import InputError
from imtrans.metrics import pairwise
from imtrans.metrics.distances import FEW, frechet_distance, kernel_distance
from imtrans.metrics.domain import SEEN, DomainClassifier, verdicts
from imtrans.metrics.networks.features import FeatureNetwork
from imtrans.metrics.networks.lpips import Lpips
from imtrans.metrics.scores import Metric, Score, mean_and_spread, sizes_in_words


@dataclass(frozen=True)
class Tools:
    """What the metrics measure with.

    Attributes:
        metrics: which.
        features: the network of FID and KID.
        lpips: the network of LPIPS.
        judges: domain classifiers by what they see.
        target_domain: what results ought to pass for, for the judges.
        border: pixels left out on every side, for PSNR, SSIM, MS-SSIM and L1.
        channel: what these four see.
    """

    metrics: tuple[Metric, ...]
    features: FeatureNetwork | None = None
    lpips: Lpips | None = None
    judges: Mapping[str, DomainClassifier] = field(default_factory=dict)
    target_domain: Literal["A", "B"] = "B"
    border: int = 0
    channel: pairwise.Channel = "rgb"

    def names(self, *kinds: str) -> list[str]:
        """The names of the metrics of these kinds."""
        return [metric.name for metric in self.metrics if metric.kind in kinds]


@dataclass(frozen=True)
class Batch:
    """Pictures of one size, (N, 3, H, W), RGB, float from 0 to 1.

    Attributes:
        names: for what is said of single pictures.
        results: what is judged; they are rounded to 8 bits, as files would have been.
        targets: what each ought to be, for pairs.
        inputs: what each was made from, for the number of doing nothing.
        cycle: (N,), how far each input was from itself after the way there and back.
    """

    names: Sequence[str]
    results: Tensor
    targets: Tensor | None = None
    inputs: Tensor | None = None
    cycle: Tensor | None = None


@dataclass
class _Tally:
    """What has been measured of the results, or of the inputs in their place."""

    values: dict[str, dict[str, float]] = field(default_factory=dict)
    features: list[Tensor] = field(default_factory=list)
    hits: dict[str, list[bool]] = field(default_factory=dict)

    def add(self, metric: str, names: Sequence[str], values: Tensor) -> None:
        self.values.setdefault(metric, {}).update(zip(names, values.double().tolist(), strict=True))


class Measurement:
    """Measures what it is shown; :meth:`scores` says how that went.

    Args:
        tools: the metrics and their networks.
    """

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.count = 0
        self.target_count = 0
        self._results, self._inputs = _Tally(), _Tally()
        self._target_features: list[Tensor] = []
        self._target_hits: dict[str, list[bool]] = {}
        self._sizes: set[tuple[int, int]] = set()
        self._target_sizes: set[tuple[int, int]] = set()
        self._enlarged = False
        self._has_inputs = False
        self._left_out: dict[str, dict[str, str]] = {}

    # --- what is shown ----------------------------------------------------------------------------------------------

    def add(self, batch: Batch) -> None:
        """Measure a batch of results.

        Raises:
            InputError: results and targets differ in size; nothing of the batch was counted.
        """
        results = pairwise.quantised(batch.results)
        if batch.targets is not None:
            check_sizes(results, batch.targets)
        self.count += len(results)
        self._sizes.add((results.shape[-1], results.shape[-2]))
        self._measure(self._results, batch, results)
        if batch.inputs is not None:
            self._has_inputs = True
            self._measure(self._inputs, batch, self._as_result(batch.inputs, results.shape[-2:]))
        if batch.targets is not None:
            self.add_targets(batch.targets)
        if batch.cycle is not None:
            self._results.add("cycle", batch.names, batch.cycle)

    def forget_results(self, *, targets: bool = False) -> None:
        """Begin anew; against the same targets, whose features need not be computed again, unless they go too."""
        self.count = 0
        self._results, self._inputs = _Tally(), _Tally()
        self._sizes.clear()
        self._left_out.clear()
        if targets:
            self.target_count = 0
            self._target_features.clear()
            self._target_hits.clear()
            self._target_sizes.clear()

    def add_targets(self, pictures: Tensor) -> None:
        """Real pictures of the target domain, (N, 3, H, W); for pairs, :meth:`add` does this itself."""
        self.target_count += len(pictures)
        self._target_sizes.add((pictures.shape[-1], pictures.shape[-2]))
        if self.tools.features is not None:
            self._target_features.append(self.tools.features(pictures))
        self._judge(self._target_hits, pictures)

    def _measure(self, tally: _Tally, batch: Batch, results: Tensor) -> None:
        if batch.targets is not None:
            for name in self.tools.names("pairs"):
                try:
                    tally.add(name, batch.names, self._pairwise(name, results, batch.targets))
                except InputError as error:  # too small for this metric, and fine for others
                    self._left_out.setdefault(name, {}).update(dict.fromkeys(batch.names, error.what))
        if self.tools.features is not None:
            tally.features.append(self.tools.features(results))
        self._judge(tally.hits, results)

    def _pairwise(self, name: str, results: Tensor, targets: Tensor) -> Tensor:
        if name == "lpips":
            assert self.tools.lpips is not None
            where = self.tools.lpips.shift.device
            return self.tools.lpips(results.float().to(where), targets.float().to(where)).cpu()
        see = partial(pairwise.looked_at, border=self.tools.border, channel=self.tools.channel)
        return pairwise.MEASURES[name](see(results), see(targets))

    def _judge(self, hits: dict[str, list[bool]], pictures: Tensor) -> None:
        for sees, judge in self.tools.judges.items():
            taken_for_b = verdicts(judge, pictures.float()) > 0.5
            taken = taken_for_b if self.tools.target_domain == "B" else ~taken_for_b
            hits.setdefault(sees, []).extend(taken.tolist())

    def _as_result(self, inputs: Tensor, size: Sequence[int]) -> Tensor:
        """Inputs in the place of results: a model that enlarges is compared with plain enlargement."""
        if tuple(inputs.shape[-2:]) != tuple(size):
            self._enlarged = True
            inputs = functional.interpolate(inputs.float(), tuple(size), mode="bicubic", antialias=True)
        return pairwise.quantised(inputs)

    # --- what came out ----------------------------------------------------------------------------------------------

    @property
    def pictures(self) -> dict[str, dict[str, float]]:
        """Every pairwise number and cycle of every picture, {metric: {picture: number}}."""
        return self._results.values

    def scores(self) -> list[Score]:
        """A score for each metric, in the order asked for; where there is nothing to say, a score says why."""
        makers: dict[str, Callable[[Metric], list[Score]]] = {
            "pairs": lambda metric: [self._pair_score(metric)],
            "sets": lambda metric: [self._set_score(metric)],
            "cycle": lambda metric: [self._cycle_score(metric)],
            "domain": self._domain_scores,
        }
        return [score for metric in self.tools.metrics for score in makers[metric.kind](metric)]

    def _pair_score(self, metric: Metric) -> Score:
        values = list(self._results.values.get(metric.name, {}).values())
        value, spread = mean_and_spread(values)
        baseline, _ = mean_and_spread(list(self._inputs.values.get(metric.name, {}).values()))
        notes = []
        if equal := sum(one == float("inf") for one in values):
            notes.append(f"{_pictures(equal)} equal their targets, which has no finite PSNR")
        if left_out := self._left_out.get(metric.name):
            notes.append(f"{_pictures(len(left_out))} left out: {next(iter(left_out.values()))}")
        if metric.name == "lpips":
            assert self.tools.lpips is not None
            network = f"{self.tools.lpips.name}, sha256 {(self.tools.lpips.digest or '')[:8]}"
            setting = f"{sizes_in_words(self._sizes)}, RGB, 8 bits"
        else:
            colours = "RGB" if self.tools.channel == "rgb" else "luma (BT.601, 16-235)"
            border = f"border of {self.tools.border} left out" if self.tools.border else "whole pictures"
            network, setting = "", f"{sizes_in_words(self._sizes)}, {colours}, 8 bits, {border}, mean over pictures"
        return Score(
            metric.name,
            metric.title,
            value,
            metric.higher_is_better,
            baseline=baseline,
            spread=spread,
            count=len(values),
            targets=len(values),
            compared=f"{_pictures(len(values))} with their targets",
            setting=setting,
            network=network,
            notes=(*notes, *self._baseline_notes()),
        )

    def _set_score(self, metric: Metric) -> Score:
        assert self.tools.features is not None
        notes: list[str] = []
        value = baseline = spread = None
        if min(self.count, self.target_count) < 2:
            notes.append("sets of two pictures or more are needed")
        else:
            results, targets = torch.cat(self._results.features), torch.cat(self._target_features)
            inputs = torch.cat(self._inputs.features) if self._has_inputs else None
            if metric.name == "fid":
                value = frechet_distance(results, targets)
                baseline = frechet_distance(inputs, targets) if inputs is not None else None
            else:
                kid = kernel_distance(results, targets)
                value, spread = kid.value, kid.error
                baseline = kernel_distance(inputs, targets).value if inputs is not None else None
        fewest = min(self.count, self.target_count)
        if metric.name == "fid" and fewest < FEW:
            notes.append(
                f"{_pictures(fewest)} are fewer than {FEW:,}: FID is biased upwards, and numbers compare only at equal "
                "counts; KID has no such bias"
            )
        setting = f"results {sizes_in_words(self._sizes)}, targets {sizes_in_words(self._target_sizes)}, 8 bits"
        return Score(
            metric.name,
            metric.title,
            value,
            metric.higher_is_better,
            baseline=baseline,
            spread=spread,
            count=self.count,
            targets=self.target_count,
            compared=f"{_pictures(self.count)} as a set with {self.target_count} targets",
            setting=setting,
            network=self.tools.features.label,
            notes=(*notes, *self._baseline_notes()),
        )

    def _cycle_score(self, metric: Metric) -> Score:
        values = list(self._results.values.get("cycle", {}).values())
        value, spread = mean_and_spread(values)
        return Score(
            "cycle",
            metric.title,
            value,
            metric.higher_is_better,
            baseline=0.0 if values else None,
            spread=spread,
            count=len(values),
            targets=len(values),
            compared=f"{_pictures(len(values))} with themselves after the way there and back",
            setting=f"{sizes_in_words(self._sizes)}, RGB, from 0 to 1",
            notes=("doing nothing has a perfect cycle: read it beside another metric",),
        )

    def _domain_scores(self, metric: Metric) -> list[Score]:
        return [self._domain_score(metric, sees) for sees in self.tools.judges]

    def _domain_score(self, metric: Metric, sees: str) -> Score:
        def share(hits: Mapping[str, list[bool]]) -> float | None:
            return sum(hits[sees]) / len(hits[sees]) if hits.get(sees) else None

        right, wrong = share(self._target_hits), share(self._inputs.hits)
        notes = []
        if right is not None and wrong is not None:
            notes.append(f"of real pictures the judge takes {right:.0%} of the targets for targets")
            if min(right, 1 - wrong) < 0.9:
                notes.append("the judge hardly knows the two domains apart: its verdict means little")
        return Score(
            f"domain-{sees}",
            f"{metric.title} ({sees})",
            share(self._results.hits),
            metric.higher_is_better,
            baseline=wrong,
            count=self.count,
            targets=self.target_count,
            compared=f"share of {_pictures(self.count)} taken for domain {self.tools.target_domain}",
            setting=f"classifier that sees {sees}, of {SEEN} x {SEEN} pixels",
            notes=tuple(notes),
        )

    def _baseline_notes(self) -> tuple[str, ...]:
        return ("doing nothing is the input enlarged by bicubic interpolation",) if self._enlarged else ()


def check_sizes(results: Tensor, targets: Tensor) -> None:
    """Refuse to compare pictures of different sizes.

    Raises:
        InputError: they differ; the message shows both.
    """
    if results.shape[-2:] != targets.shape[-2:]:
        (height, width), (other_height, other_width) = results.shape[-2:], targets.shape[-2:]
        raise InputError(
            f"the result is {width} x {height} pixels and its target {other_width} x {other_height}.",
            hint=f"--size {min(other_height, other_width)} brings both to squares of that side.",
        )


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"
