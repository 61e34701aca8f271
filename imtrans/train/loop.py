"""The loop: it runs a method's phases and owns all that they do not say.

Optimisers, schedule, precision, image pools, random states, checkpoints, log and pictures are the loop's. Every one
of them is either part of a checkpoint or a function of the step's number, so a resumed run takes the very steps that
the killed one would have taken: bit for bit on a CPU with the same number of threads and the same kernels.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from imtrans.card import Card
from imtrans.data.items import TrainingData, Unreadable
from imtrans.errors import TrainingError
from imtrans.ops import use_backend
from imtrans.train.checkpoint import read_checkpoint, step_of, write_checkpoint
from imtrans.train.feed import batches, failures_in_words, to_device
from imtrans.train.meter import Meter
from imtrans.train.method import Method, Phase, Step
from imtrans.train.observer import Observer, Progress
from imtrans.train.optimise import learning_only, make_optimiser, tune
from imtrans.train.pool import ImagePool
from imtrans.train.randomness import random_states, restore_random_states, seed_everything
from imtrans.train.run import RunFolder
from imtrans.train.samples import write_samples
from imtrans.train.settings import RunConfig
from imtrans.train.signals import interruptible
from imtrans.train.translators import translator_metadata


class Trainer:
    """Trains one method into one run folder.

    Args:
        card: the model.
        settings: the whole configuration.
        run: the folder; it has to exist when :meth:`fit` is called, not before.
        dataset: the pictures.
        preview: pictures for the sample grids, (N, C, S, S) by domain.
        device: where to train.
        dtype: ``torch.float32``, or ``torch.bfloat16`` to train under autocast with weights in float32.
    """

    def __init__(
        self,
        card: Card,
        settings: RunConfig,
        run: RunFolder,
        dataset: TrainingData,
        preview: Mapping[str, Tensor],
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        assert card.method is not None
        self.card, self.settings, self.run, self.dataset = card, settings, run, dataset
        self.device, self.dtype = device, dtype
        seed = settings.train.seed
        seed_everything(seed)
        self.method: Method = card.method.load()(settings.method)
        self.method.networks.to(device=device, memory_format=torch.channels_last).train()
        self.preview = self._to_device(preview)
        self.phases = tuple(self.method.phases())
        self.optimisers = {phase.name: make_optimiser(phase) for phase in self.phases}
        sizes = self.method.pool_sizes()
        self.pools = {name: ImagePool(size, seed + place) for place, (name, size) in enumerate(sizes.items())}
        self.total = settings.train.total_steps(dataset.round_length)
        self.step = 0
        # Held until fit begins: what a caller draws in between, if only by importing a library, must not count.
        self._random = random_states(device)
        self.unreadable: Unreadable = {}
        """The pictures that could not be read so far."""

    def resume(self) -> None:
        """Go on from the newest checkpoint of the run folder.

        Raises:
            TrainingError: there is none, it is damaged, or it is of networks with other settings.
        """
        checkpoint = self.run.latest_checkpoint()
        self._restore(read_checkpoint(checkpoint, self.method.networks))
        self.step = step_of(checkpoint)

    def fit(self, observer: Observer | None = None) -> bool:
        """Train until the last step, or until SIGINT or SIGTERM; either way the run ends with a checkpoint.

        Returns:
            Whether the run came to its end.

        Raises:
            TrainingError: the networks are no longer finite, memory ran out, or a worker died.
            OutputError: the run folder cannot be written to.
        """
        observer = observer or Observer()
        self.run.forget_after(self.step)
        restore_random_states(self._random, self.device)
        meter = Meter(self.settings.train.batch_size)
        with interruptible() as interrupted, use_backend(self.settings.train.backend), failures_in_words():
            for batch in self._batches(observer):
                meter.add(self._train_step(batch))
                self.step += 1
                observer.step(self.step)
                stopping = interrupted()
                self._keep_records(meter, observer, stopping)
                if stopping:
                    break
        return self.step >= self.total

    # --- one step ---------------------------------------------------------------------------------------------------

    def _batches(self, observer: Observer) -> Iterator[Mapping[str, Tensor]]:
        train = self.settings.train
        remaining = range(self.step * train.batch_size, self.total * train.batch_size)
        pin = self.device.type == "cuda"
        feed = batches(self.dataset, remaining, train.batch_size, train.workers, pin=pin, prefetch=train.prefetch)
        for pictures, unreadable in feed:
            for path in unreadable.keys() - self.unreadable.keys():
                observer.unreadable(path, unreadable[path])
            self.unreadable |= unreadable
            yield self._to_device(pictures)

    def _to_device(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return to_device(batch, self.device)

    def _train_step(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        step = Step(batch, self.step, self.pools)
        losses: dict[str, Tensor] = {}
        for phase in self.phases:
            if self.step % phase.every == 0:
                for _ in range(phase.repeat):
                    losses |= self._run_phase(phase, step)
        return losses

    def _run_phase(self, phase: Phase, step: Step) -> dict[str, Tensor]:
        optimiser = self.optimisers[phase.name]
        tune(optimiser, phase, self.settings.train.learning_rate_factor(step.index, self.total))
        optimiser.zero_grad(set_to_none=True)
        with learning_only(self.method.networks, phase), self._autocast():
            losses = phase.loss(step)
            total = torch.stack([loss.float() for loss in losses.values()]).sum()
        total.backward()
        optimiser.step()
        return {name: loss.detach() for name, loss in losses.items()}

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self.dtype == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    # --- what is kept of it -----------------------------------------------------------------------------------------

    def _keep_records(self, meter: Meter, observer: Observer, stopping: bool) -> None:
        train, ended = self.settings.train, self.step == self.total
        if stopping or ended or self.step % train.log_every == 0:
            self._log(meter.progress(self.step, self.total), observer)
        if stopping or ended or self.step % train.checkpoint_every == 0:
            self._save()
        if ended or self.step % train.sample_every == 0:
            self._sample()

    def _log(self, progress: Progress, observer: Observer) -> None:
        if broken := [name for name, value in progress.losses.items() if not math.isfinite(value)]:
            raise self._diverged(f"{', '.join(broken)} is no finite number")
        factor = self.settings.train.learning_rate_factor(self.step - 1, self.total)
        self.run.log(
            {
                "step": self.step,
                "learning_rate_factor": round(factor, 6),
                "images_per_second": round(progress.images_per_second, 3),
                "seconds": round(progress.seconds, 1),
                **{name: round(value, 6) for name, value in progress.losses.items()},
            }
        )
        observer.report(progress)

    def _sample(self) -> None:
        self.method.networks.eval()
        with torch.inference_mode(), self._autocast():
            columns = self.method.preview(self.preview)
        self.method.networks.train()
        path = self.run.samples / f"step-{self.step:08d}.png"
        write_samples(columns, self.card.value_range, path, self.card.channels)

    def _save(self) -> None:
        for name, network in self.method.networks.items():
            if not all(tensor.isfinite().all() for tensor in network.state_dict().values()):
                raise self._diverged(f"the weights of {name} are no finite numbers")
        metadata = {
            network: translator_metadata(self.card.name, config, direction, self.step)
            for direction, (network, config) in self.method.translators().items()
        }
        folder, keep = self.run.checkpoints, self.settings.train.keep
        write_checkpoint(folder, self.step, self.method.networks, metadata, self._state(), keep)

    def _diverged(self, reason: str) -> TrainingError:
        lower = "" if self.dtype == torch.float32 else ", with --precision fp32"
        return TrainingError(
            f"training broke down by step {self.step}: {reason}.",
            have="The checkpoints in the run's folder are from before that.",
            hint=f"Go on from the last one with --resume{lower} and a lower learning rate (--set lr=…).",
        )

    def _state(self) -> dict[str, Any]:
        """All that the next step depends on, besides the networks."""
        return {
            "step": self.step,
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "pools": {name: pool.state_dict() for name, pool in self.pools.items()},
            "random": random_states(self.device),
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        try:
            for name, optimiser in self.optimisers.items():
                optimiser.load_state_dict(state["optimisers"][name])
            for name, pool in self.pools.items():
                pool.load_state_dict(state["pools"][name], self.device)
            restore_random_states(state["random"], self.device)
            self._random = random_states(self.device)
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            raise TrainingError(
                f"the state of the run {self.run.root} does not fit the model: {type(error).__name__}: {error}.",
                have="It was probably written by another version of imtrans or of the plugin.",
                hint="Go on with that version, or start a new run in another --output.",
            ) from error
