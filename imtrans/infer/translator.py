"""One trained network behind one call: image in, image out, whatever kind of image it is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from imtrans import ops, registry
from imtrans.card import Card
from imtrans.device import choose_device, choose_precision
from imtrans.errors import PluginError, UsageError
from imtrans.infer import memory
from imtrans.infer.abilities import refuse_without_heatmap
from imtrans.infer.conventions import Conventions
from imtrans.infer.fast import FastPath
from imtrans.infer.heatmap import laid_over, levels_of
from imtrans.infer.images import unpack
from imtrans.infer.model import RunningModel, check_backend
from imtrans.infer.padding import Sizes
from imtrans.infer.task import check_task
from imtrans.nn.inference_mode import NormMode, has_noise, is_noisy, set_inference_mode
from imtrans.weights.download import Progress
from imtrans.weights.loading import load_network

_SMALL = 1 << 20
"""Up to this many pixels a forward pass is not worth asking about its memory."""
_SCRATCH = 1.1
"""Operators' own scratch memory on top of the activations; 6 to 9 % were measured with CycleGAN's generator."""


def load(
    name: str | Card,
    *,
    weights: str | Path | None = None,
    device: str | torch.device = "auto",
    precision: str = "auto",
    backend: str = "auto",
    norm: Literal["auto", "eval", "train"] = "auto",
    sample_noise: bool | None = None,
    seed: int = 0,
    offline: bool = False,
    progress: Progress | None = None,
) -> Translator:
    """Load a model with its weights, ready to translate.

    Args:
        name: a model's name (``"cyclegan"``), or a card.
        weights: a name from the card's list or the path of a checkpoint; None takes the card's default.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
        precision: ``"auto"`` (bf16 where the hardware computes in it), ``"fp32"``, ``"bf16"`` or ``"fp16"``.
        backend: ``"auto"``, ``"fused"`` or ``"reference"``, see :mod:`imtrans.ops`.
        norm: what batch norms normalise by: ``"eval"``, the averages of the training; ``"train"``, the picture at hand;
            ``"auto"``, what the model's authors do.
        sample_noise: whether dropout stays on; None leaves it on where norms go by the picture, as in training.
        seed: of that noise. Each picture's noise is drawn from it anew, whatever else is translated.
        offline: never download; weights that are not in the cache are an error.
        progress: called with (bytes so far, bytes in all or None) during a download.

    Raises:
        UnknownNameError: there is no such model or no such weights.
        PluginError: the model's plugin is broken.
        WeightsError: the checkpoint cannot be had, trusted or fitted.
        DeviceError, UsageError: the device, precision, backend or mode does not exist here, or there is no noise.
    """
    card = name if isinstance(name, Card) else registry.find(name)
    check_task(card, "translate")
    check_backend(backend)
    where = choose_device(device)
    kind = choose_precision(precision, where, card.precisions)
    loaded = load_network(card, weights, offline=offline, progress=progress)

    def reload() -> nn.Module:
        return load_network(card, weights, offline=True).network

    return Translator(
        loaded.network,
        card,
        config=loaded.config,
        weights=loaded.name,
        device=where,
        precision=kind,
        backend=backend,
        norm=norm,
        sample_noise=sample_noise,
        seed=seed,
        notes=loaded.notes,
        reload=reload if precision == "auto" else None,
    )


class Translator(RunningModel):
    """A network and all that has to happen around it: value range, channel order, sizes, precision, device.

    Calls from several threads are served one after another.

    Args:
        reload: gives the network in fp32 once more, for when its values overflow in a lower precision; without it such
            an overflow is an error.

    Attributes:
        network: the raw module, on :attr:`device` and in :attr:`precision`.
        card: what the plugin says about the model.
        config: the network's configuration.
        weights: the name of the weights, or of their file.
        device: where the network is.
        precision: ``"fp32"``, ``"bf16"`` or ``"fp16"``.
        backend: which operators serve, see :mod:`imtrans.ops`.
        norm: ``"eval"`` or ``"train"``, see :mod:`imtrans.nn.inference_mode`.
        noise: whether dropout is on, so that results are drawn at random.
        seed: of that noise.
        notes: what the user should know, as sentences without a full stop.
    """

    def __init__(
        self,
        network: nn.Module,
        card: Card,
        *,
        config: Any = None,
        weights: str = "",
        device: str | torch.device = "cpu",
        precision: str = "fp32",
        backend: str = "auto",
        norm: Literal["auto", "eval", "train"] = "auto",
        sample_noise: bool | None = None,
        seed: int = 0,
        notes: Sequence[str] = (),
        reload: Callable[[], nn.Module] | None = None,
    ) -> None:
        super().__init__(card, config, weights, device, precision, backend)
        self.norm = _norm_mode(card, norm)
        self.seed = seed
        sizes = Sizes.of(network)
        self.notes += [*notes, *([sizes.note] if sizes.note else [])]
        self._conventions = Conventions(card, sizes)
        self._sample_noise = sample_noise
        _check_noise(card, network, sample_noise)
        self._reload = reload
        self.network = self._prepared(network)
        self._fast = FastPath(self.device, backend)

    @property
    def batches(self) -> bool:
        """Whether pictures may share a forward pass. With batch statistics or noise, the others would change them."""
        return self.norm == "eval" and not self.noise

    @property
    def noise(self) -> bool:
        """Whether results are drawn at random, by dropout; the same seed gives the same result."""
        return is_noisy(self.network)

    def _particulars(self) -> Sequence[str]:
        """Whether it is packed for the CPU, and its modes."""
        return (
            *(["packed"] if self.why_not_packed is None else []),
            *(["batch statistics"] if self.norm == "train" else []),
            *([f"noise of seed {self.seed}"] if self.noise else []),
        )

    @property
    def why_not_packed(self) -> str | None:
        """Why the network runs layer by layer, as a sentence; None where it was packed for the processor.

        See :mod:`imtrans.infer.fast`.
        """
        return self._fast.why_not(self.network, self._dtype)

    def __call__(self, images: Any, *, batch_size: int | None = None) -> Any:
        """Translate an image, or a list of images, into the same kind.

        :mod:`imtrans.infer.images` describes every accepted kind. Any size from 1 x 1 up is accepted; the result has
        the size of the input times ``card.scale``. Lists may mix kinds and sizes.

        Args:
            images: what to translate.
            batch_size: how many pictures of one size share a forward pass. None takes an array or a tensor with a
                batch dimension as one batch, and a list one by one.

        Raises:
            UsageError: this kind of image is not accepted; the message says what is.
            InputError: a picture file cannot be read.
            ImtransError: the picture does not fit into memory, or the network's values are no colours.
        """
        if batch_size is not None and batch_size < 1:
            raise UsageError(f"a batch of {batch_size} pictures is none; batch_size is 1 or more.")
        if not isinstance(images, list | tuple):
            item = unpack(images)
            return item.pack(self._all([item.batch], batch_size or len(item.batch))[0])
        items = [unpack(image) for image in images]
        results = self._all([item.batch for item in items], batch_size or 1)
        return [item.pack(result) for item, result in zip(items, results, strict=True)]

    def translate(self, batch: Tensor) -> Tensor:
        """Translate a batch of pictures in one forward pass: what every other way of calling comes down to.

        Args:
            batch: RGB, (N, 3, H, W), uint8 0..255 or float 0..1, on any device.

        Returns:
            RGB, (N, 3, H * scale, W * scale), float32 0..1, on :attr:`device`.

        Raises:
            ImtransError: it does not fit into memory, or the network's values are no colours.
        """
        return self._in_passes(batch)

    def attend(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """:meth:`translate`, and where the network looked, for models whose card says ``heatmap``.

        Args:
            batch: as for :meth:`translate`.

        Returns:
            What :meth:`translate` gives, and levels (N, 1, H * scale, W * scale) from 0, where the network looked least
            in a picture, to 1, where it looked most.

        Raises:
            UsageError: the model has no heatmap.
            ImtransError: as :meth:`translate`.
        """
        refuse_without_heatmap(self.card)
        attended = self._in_passes(batch, attend=True)
        return attended[:, :3], attended[:, 3:]

    def heatmap(self, image: Any) -> Any:
        """The image with the network's heatmap laid over it, as the same kind of image; see :meth:`attend`."""
        item = unpack(image)
        _, levels = self.attend(item.batch)
        return item.pack(laid_over(item.batch, levels))

    # --- sizes and batches --------------------------------------------------------------------------------------------

    def _all(self, batches: Sequence[Tensor], limit: int) -> list[Tensor]:
        """Translate each of the batches, with up to ``limit`` pictures of one size in a forward pass."""
        groups: dict[tuple[object, ...], list[tuple[int, Tensor]]] = {}
        for index, batch in enumerate(batches):
            for single in _singles(batch):
                groups.setdefault((batch.shape[1:], batch.dtype, batch.device), []).append((index, single))
        results: list[list[Tensor]] = [[] for _ in batches]
        for group in groups.values():
            for start in range(0, len(group), limit):
                chunk = group[start : start + limit]
                translated = self.translate(torch.cat([single for _, single in chunk]))
                for (index, _), result in zip(chunk, _singles(translated), strict=True):
                    results[index].append(result)
        return [torch.cat(parts) for parts in results]

    def _in_passes(self, batch: Tensor, *, attend: bool = False) -> Tensor:
        """The batch in one forward pass where that can be, and otherwise picture by picture; see :meth:`_forward`."""
        with self._lock, torch.inference_mode():
            if len(batch) > 1 and not (self.batches and self._fits(batch.shape)):
                return torch.cat([self._checked(single, attend) for single in _singles(batch)])
            return self._checked(batch, attend)

    def _fits(self, shape: Sequence[int]) -> bool:
        """Whether a batch of this shape fits into the memory that is left, as far as that can be told."""
        needed, left = self._need(shape)
        return needed is None or left is None or needed <= left

    def _need(self, shape: Sequence[int]) -> tuple[int | None, int | None]:
        """Bytes that a batch of this shape takes and bytes that are left; None where it is small or cannot be told."""
        if shape[0] * shape[-2] * shape[-1] <= _SMALL:
            return None, None
        taken = self._conventions.sizes.taken(*shape[-2:])
        channels = 1 if self.card.channels == "L" else 3
        with ops.use_backend(self.backend):
            needed = memory.peak_bytes(self.network, (shape[0], channels, *taken), self._dtype)
        return needed and int(needed * _SCRATCH), memory.available_bytes(self.device)

    # --- the forward pass ---------------------------------------------------------------------------------------------

    def _prepared(self, network: nn.Module) -> nn.Module:
        network = network.to(self.device, self._dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        set_inference_mode(network, self.norm, noise=self._sample_noise)
        return network

    def _checked(self, batch: Tensor, attend: bool) -> Tensor:
        """The forward pass, with its failures in words and, where allowed, a second try in fp32."""
        needed, left = self._need(batch.shape)
        if needed is not None and left is not None and needed > left:
            raise memory.too_large(batch.shape, needed, left, self.device, self.precision)
        try:
            result = self._forward(batch, attend)
            if not result.isfinite().all() and self._fall_back():
                result = self._forward(batch, attend)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not memory.is_out_of_memory(error):
                raise
            raise memory.too_large(batch.shape, needed, left, self.device, self.precision) from error
        self._require_finite(result)
        return result.clamp_(0, 1)

    def _fall_back(self) -> bool:
        """Go on in fp32 where the precision was ours to choose."""
        if self._reload is None or self.precision == "fp32":
            return False
        self.notes.append(f"the network's values overflowed in {self.precision}; it goes on in fp32")
        self.precision = "fp32"
        self.network = self._prepared(self._reload())
        return True

    def _forward(self, batch: Tensor, attend: bool) -> Tensor:
        """RGB 0..255 or 0..1 in, RGB around 0..1 out; everything between is as the network's authors had it.

        With ``attend``, the levels of the heatmap are a fourth channel.
        """
        height, width = batch.shape[-2:]
        images = self._conventions.enter(batch, self.device, self._dtype)
        with ops.use_backend(self.backend), self._seeded():
            attended = self.network(images, attention=True) if attend else None
            output = attended.image if attended is not None else self._fast.run(self.network, images)
        expected = self._conventions.expected(images)
        if not isinstance(output, Tensor) or tuple(output.shape) != expected:
            gave = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise PluginError(
                f"the network of {self.card.name!r} gave {gave} where {expected} was expected.",
                hint="Its plugin has to declare scale and channels on the card, and sizes on the network.",
            )
        result = self._conventions.leave(output, height, width)
        if attended is None:
            return result
        over = functional.interpolate(attended.heatmap.float(), output.shape[-2:], mode="bilinear")
        return torch.cat([result, levels_of(self._conventions.resized(over, height, width))], dim=1)

    @contextlib.contextmanager
    def _seeded(self) -> Iterator[None]:
        """Noise comes from the seed alone, and the caller's random numbers stay as they are."""
        if not self.noise:
            yield
            return
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(self.seed)
            yield


def _singles(batch: Tensor) -> list[Tensor]:
    return [batch[index : index + 1] for index in range(len(batch))]


def _norm_mode(card: Card, norm: str) -> NormMode:
    modes: dict[str, NormMode] = {"auto": card.norm_at_inference, "eval": "eval", "train": "train"}
    if norm not in modes:
        raise UsageError(
            f"norms cannot run in the mode {norm!r}.",
            have="Modes: auto (as the model's authors do), eval (averages of the training), train (the picture's own).",
        )
    return modes[norm]


def _check_noise(card: Card, network: nn.Module, wanted: bool | None) -> None:
    if wanted and not has_noise(network):
        raise UsageError(
            f"these weights of {card.name!r} have no noise to sample: there is no dropout in the network.",
            hint="Leave --sample-noise away (in Python: sample_noise=None).",
        )
