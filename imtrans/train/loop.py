"""The loop: it runs a method's phases and owns all that they do not say.

Optimisers, schedule, precision, averages, image pools, random states, checkpoints, log and pictures are the loop's.
Every one of them is either part of a checkpoint or a function of the step's number, so a resumed run takes the very
steps that the killed one would have taken: bit for bit on a CPU with the same number of threads and the same kernels.

A step is whole or not at all: portions of a batch (``train.accumulate``) never outlive it, so that a checkpoint needs
no half-summed gradients.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from imtrans.card import Card
from imtrans.data.items import TrainingData, Unreadable
from imtrans.errors import TrainingError
from imtrans.nn.inference_mode import inference_mode
from imtrans.ops import use_backend
from imtrans.train.averages import Averages
from imtrans.train.checkpoint import read_checkpoint, step_of, write_checkpoint
from imtrans.train.distribution import Share, check_batch, peers_in_words
from imtrans.train.draws import Draws
from imtrans.train.engine import Engine
from imtrans.train.evaluation import Best, Evaluator, as_translate, check_metric, is_better, read_best, write_best
from imtrans.train.feed import batches, failures_in_words
from imtrans.train.learning import eager, in_portions, learn
from imtrans.train.meter import Meter
from imtrans.train.method import Method, Phase, Step
from imtrans.train.observer import Observer, Progress
from imtrans.train.optimise import make_optimiser
from imtrans.train.pool import ImagePool
from imtrans.train.randomness import seed_everything, stream_seed, undisturbed
from imtrans.train.records import Records
from imtrans.train.run import RunFolder, writing
from imtrans.train.settings import RunConfig
from imtrans.train.signals import interruptible
from imtrans.train.start import start_from
from imtrans.train.state import RunState
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
        dtype: ``torch.float32``, or what autocast computes in, with weights in float32.
        engine: device, precision and processes, where they are made already; None makes them for this process alone.
        evaluator: who measures the translators every ``train.evaluate_every`` steps; the first process alone needs one.

    Raises:
        ConfigError: the batch cannot be shared out, or nobody measures what the settings ask for.
        TrainingError: what ``train.init_from`` names does not fit the model.
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
        *,
        engine: Engine | None = None,
        evaluator: Evaluator | None = None,
    ) -> None:
        assert card.method is not None
        train = settings.train
        self.engine = engine or Engine(device, dtype)
        self.ranks = self.engine.ranks
        check_batch(train.batch_size, train.accumulate, self.ranks)
        if self.ranks.first:
            check_metric(evaluator, train.evaluate_every, train.best_metric)
        self.card, self.settings, self.run, self.dataset = card, settings, run, dataset
        self.device, self.dtype, self.evaluator = self.engine.device, self.engine.dtype, evaluator
        seed_everything(train.seed)
        self.method: Method = card.method.load()(settings.method)
        self._place_networks()
        self.preview = self._to_device(preview)
        self.phases = tuple(self.method.phases())
        self.draws = Draws(self.phases)
        self.optimisers = {phase.name: make_optimiser(phase) for phase in self.phases}
        self.averages = Averages(self.method, train.averaging)
        self.pools = self._make_pools()
        self.total = train.steps or self.draws.steps_for(train.total_batches(dataset.round_length))
        self.step = 0
        self.notes = [*self.method.notes()]
        """What the user should know of the start."""
        if train.init_from:
            self.notes += start_from(self.method, card, train.init_from)
        self.averages.restart()
        if not self.ranks.first:  # the same weights everywhere, and dropout of one's own
            seed_everything(stream_seed(train.seed, self.ranks.rank))
        # Held until fit begins: what a caller draws in between, if only by importing a library, must not count.
        self.state = RunState(self.phases, self.optimisers, self.engine, self.averages, self.pools)
        self.unreadable: Unreadable = {}
        """The pictures that could not be read so far."""

    def _place_networks(self) -> None:
        networks = self.method.networks
        networks.to(self.device).train()
        if self.settings.train.channels_last:
            networks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # an overload that torch lacks
        self.ranks.share_weights(networks.values())
        if self.settings.train.compile:
            for network in networks.values():
                network.compile()  # in place: the keys of its weights stay as they are

    def _make_pools(self) -> dict[str, ImagePool]:
        sizes = self.method.pool_sizes()
        seed = stream_seed(self.settings.train.seed, self.ranks.rank)
        return {name: ImagePool(size, seed + place) for place, (name, size) in enumerate(sizes.items())}

    def resume(self) -> None:
        """Go on from the newest checkpoint of the run folder.

        Raises:
            TrainingError: there is none, it is damaged, or it is of networks with other settings.
        """
        checkpoint = self.run.latest_checkpoint()
        state = read_checkpoint(checkpoint, self.method.networks)
        self.averages.read(checkpoint, state.get("averages", {}))
        try:
            self.notes += self.state.restore(state)
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            raise TrainingError(
                f"the state of the run {self.run.root} does not fit the model: {type(error).__name__}: {error}.",
                have="It was probably written by another version of imtrans or of the plugin.",
                hint="Go on with that version, or start a new run in another --output.",
            ) from error
        self.step = step_of(checkpoint)

    def fit(self, observer: Observer | None = None) -> bool:
        """Train until the last step, or until SIGINT or SIGTERM; either way the run ends with a checkpoint.

        Every process of a run calls this; the first one writes, and reports to its observer.

        Returns:
            Whether the run came to its end.

        Raises:
            TrainingError: the networks are no longer finite, memory ran out, or a worker died.
            OutputError: the run folder cannot be written to.
            PeerLostError: another process of the run has died.
        """
        observer = observer or Observer()
        for text in self.notes:
            observer.note(text)
        self._records: Records | None = None
        if self.ranks.first:
            self.run.forget_after(self.step)
            self._records = Records(self.run, self.settings, self.card, self.step, observer.note)
        self.state.release_random()
        meter = Meter(self.settings.train.batch_size)
        try:
            with (
                interruptible(answer=self.ranks.first) as interrupted,
                use_backend(self.settings.train.backend),
                failures_in_words(),
                peers_in_words(),
            ):
                for batch, *fresh in self.draws.by_step(self.batches(observer), self.step):
                    meter.add(self.train_step(batch, fresh))
                    observer.step(self.step)
                    stopping = self.ranks.any(interrupted())
                    self._keep_records(meter, observer, stopping)
                    if stopping:
                        break
        finally:
            if self._records is not None:
                self._records.close()
        return self.step >= self.total

    # --- one step ---------------------------------------------------------------------------------------------------

    def batches(self, observer: Observer) -> Iterator[Mapping[str, Tensor]]:
        """What this process takes of every batch up to the last step, on the device and in the layout of training.

        A step takes one of them, or as many as :class:`~imtrans.train.draws.Draws` says.

        Raises:
            ImtransError: what the data set raised.
        """
        train = self.settings.train
        first, last = self.draws.before(self.step), self.draws.before(self.total)
        share = Share(first, last, train.batch_size, self.ranks)
        pin = self.device.type == "cuda"
        feed = batches(self.dataset, share, share.size, train.workers, pin=pin, prefetch=train.prefetch)
        for pictures, unreadable in feed:
            self._tell_unreadable(unreadable, observer)
            yield self._to_device(pictures)

    def _tell_unreadable(self, unreadable: Unreadable, observer: Observer) -> None:
        for path in unreadable.keys() - self.unreadable.keys():
            observer.unreadable(path, unreadable[path])
        self.unreadable |= unreadable

    @property
    def _memory_format(self) -> torch.memory_format:
        return torch.channels_last if self.settings.train.channels_last else torch.preserve_format

    def _to_device(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        def moved(tensor: Tensor) -> Tensor:
            order = self._memory_format if tensor.ndim == 4 else torch.preserve_format
            return tensor.to(self.device, non_blocking=True, memory_format=order)

        return {name: moved(tensor) for name, tensor in batch.items()}

    def train_step(self, batch: Mapping[str, Tensor], fresh: Sequence[Mapping[str, Tensor]] = ()) -> dict[str, Tensor]:
        """Let every phase learn from one of the :meth:`batches`; gives the losses by name, detached.

        Args:
            batch: what the step is about.
            fresh: the further batches that it draws, for the repetitions of phases that want them.
        """
        train = self.settings.train
        drawn = [self._portions(each) for each in (batch, *fresh)]
        losses: dict[str, Tensor] = {}
        for phase in self.phases:
            if self.step % phase.every == 0:
                for turn in range(phase.repeat):
                    losses |= self._learn(phase, drawn[turn if phase.fresh else 0])
        self.averages.update(train.batch_size)
        self.step += 1
        return losses

    def _portions(self, batch: Mapping[str, Tensor]) -> list[Step]:
        return [Step(part, self.step, self.pools) for part in in_portions(batch, self.settings.train.accumulate)]

    def _learn(self, phase: Phase, portions: list[Step]) -> dict[str, Tensor]:
        optimiser, networks = self.optimisers[phase.name], self.method.networks
        return learn(phase, optimiser, portions, networks, self.engine, self.settings.train, self.total)

    # --- what is kept of it -----------------------------------------------------------------------------------------

    def _keep_records(self, meter: Meter, observer: Observer, stopping: bool) -> None:
        train, ended = self.settings.train, self.step == self.total
        if stopping or ended or self.step % train.log_every == 0:
            self._log(meter.progress(self.step, self.total), observer)
        if train.evaluate_every and (ended or self.step % train.evaluate_every == 0):
            self._evaluate(observer)
        if stopping or ended or self.step % train.checkpoint_every == 0:
            self._save()
        if ended or self.step % train.sample_every == 0:
            self._sample()

    def _log(self, progress: Progress, observer: Observer) -> None:
        told = self.ranks.gather((dict(progress.losses), self.unreadable))
        progress = progress.with_mean([losses for losses, _ in told])
        for _, unreadable in told:
            self._tell_unreadable(unreadable, observer)
        if broken := [name for name, value in progress.losses.items() if not math.isfinite(value)]:
            raise self._diverged(f"{', '.join(broken)} is no finite number")
        if self._records is not None:
            train = self.settings.train
            rates = {
                phase.name: (phase.schedule or train.learning_rate).factor(self.step - 1, self.total)
                for phase in self.phases
            }
            self._records.losses(progress, rates)
            observer.report(progress)

    def _sample(self) -> None:
        if self._records is not None:
            with self._looking():
                columns = self.method.preview(self.preview)
            self._records.samples(self.step, columns)

    def _evaluate(self, observer: Observer) -> None:
        """Measure the translators; the best checkpoint so far is written at once and stays."""
        better: Best | None = None
        if self._records is not None and self.evaluator is not None:
            with self._looking():
                found = self.evaluator(
                    {
                        direction: as_translate(self.method.networks[network], self.card, self.device)
                        for direction, (network, _) in self.method.translators().items()
                    }
                )
            self._records.metrics(self.step, found)
            if (name := self.settings.train.best_metric) in found:
                new = Best(self.step, name, found[name])
                higher = self.evaluator.higher_is_better[name]
                better = new if is_better(new, read_best(self.run.checkpoints), higher=higher) else None
            observer.evaluated(self.step, found, better is not None)
        if self.ranks.any(better is not None):
            self._save()
            if better is not None:
                with writing(self.run.checkpoints):
                    write_best(self.run.checkpoints, better)

    @contextlib.contextmanager
    def _looking(self) -> Iterator[None]:
        """The networks as they would be run, averages in place of weights, and nothing that they do has an effect."""
        networks = self.method.networks
        with (
            inference_mode(networks, self.card.norm_at_inference),
            undisturbed(self.device),
            self.averages.in_place(),
            eager(),
            torch.inference_mode(),
            self.engine.autocast(),
        ):
            yield

    def _save(self) -> None:
        networks: dict[str, nn.Module] = dict(self.method.networks.items())
        for name, network in networks.items():
            if not all(tensor.isfinite().all() for tensor in network.state_dict().values()):
                raise self._diverged(f"the weights of {name} are no finite numbers")
        # Statistics of a batch norm differ between processes; from here on the first one's count, as in its file.
        self.ranks.share_weights(networks.values(), buffers_only=True)
        states = self.ranks.gather_first(self.state.own())
        if not self.ranks.first:
            return
        metadata: dict[str, dict[str, str]] = {}
        for direction, (network_name, config) in self.method.translators().items():
            for name, averaged in ((network_name, False), (self.averages.file_name(network_name), True)):
                metadata[name] = translator_metadata(self.card.name, config, direction, self.step, averaged=averaged)
        best = read_best(self.run.checkpoints)
        write_checkpoint(
            self.run.checkpoints,
            self.step,
            networks | self.averages.networks,
            metadata,
            self.state.whole(self.step, states),
            self.settings.train.keep,
            protected=(best.step,) if best else (),
        )

    def _diverged(self, reason: str) -> TrainingError:
        lower = "" if self.dtype == torch.float32 else ", with --precision fp32"
        return TrainingError(
            f"training broke down by step {self.step}: {reason}.",
            have="The checkpoints in the run's folder are from before that.",
            hint=f"Go on from the last one with --resume{lower} and a lower learning rate (--set lr=…).",
        )

    def processes(self) -> list[int]:
        """The numbers that the system knows the processes of this run by; all of them have to ask."""
        return self.ranks.gather(os.getpid())
