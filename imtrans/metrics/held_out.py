"""Held-out pictures that training asks about again and again."""

from __future__ import annotations

from collections.abc import Mapping

from imtrans.metrics.evaluator import Translate
from imtrans.metrics.measure import Measurement, Tools
from imtrans.metrics.planning import Plan
from imtrans.metrics.running import Networks, Options, run
from imtrans.metrics.scores import METRICS


class HeldOut:
    """An evaluator (:class:`imtrans.metrics.evaluator.Evaluator`) on a data set's held-out pictures.

    Args:
        plans: what to translate, by direction.
        tools: what to measure with, by direction.
        options: sizes; the inputs in the place of results are not measured, since they never change.
    """

    def __init__(self, plans: Mapping[str, Plan], tools: Mapping[str, Tools], options: Options | None = None) -> None:
        options = options or Options()
        self.plans = plans
        self.options = Options(options.batch_size, options.size, baseline=False)
        self.failed: dict[str, str] = {}
        self._measurements = {direction: Measurement(tools[direction]) for direction in plans}
        self._fresh = set(plans)

    @property
    def higher_is_better(self) -> dict[str, bool]:
        """Whether more is better, by the names of the numbers."""
        names: dict[str, bool] = {}
        for direction, measurement in self._measurements.items():
            for metric in measurement.tools.metrics:
                shown = [f"domain-{sees}" for sees in measurement.tools.judges] if metric.name == "domain" else None
                names |= {
                    f"{direction}/{name}": METRICS[metric.name].higher_is_better for name in shown or [metric.name]
                }
        return names

    def __call__(self, translators: Mapping[str, Translate]) -> dict[str, float]:
        """Numbers by ``direction/metric``; what could not be measured is left out, and :attr:`failed` says why."""
        numbers: dict[str, float] = {}
        for direction, plan in self.plans.items():
            measurement = self._measurements[direction]
            targets = plan.targets if direction in self._fresh else ()
            back = translators.get(direction[::-1]) if measurement.tools.names("cycle") else None
            networks = Networks(translators[direction], back)
            self.failed |= run(measurement, plan.jobs, targets, networks=networks, options=self.options)
            scores = measurement.scores()
            numbers |= {f"{direction}/{score.metric}": score.value for score in scores if score.value is not None}
            measurement.forget_results(targets=plan.paired)
            if not plan.paired:
                self._fresh.discard(direction)
        return numbers
