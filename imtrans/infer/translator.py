"""One trained network behind one call: image in, image out, whatever kind of image it is."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from imtrans import ops, registry
from imtrans.card import Card
from imtrans.device import DTYPES, choose_device, choose_precision
from imtrans.errors import ImtransError, PluginError, UsageError
from imtrans.infer import memory
from imtrans.infer.fast import FastPath
from imtrans.infer.images import unpack
from imtrans.infer.padding import pad_up
from imtrans.infer.task import check_task
from imtrans.nn.inference_mode import NormMode, has_noise, is_noisy, set_inference_mode
from imtrans.weights.download import Progress
from imtrans.weights.loading import load_network

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, which Pillow and the networks' authors take for grey
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
    _check_backend(backend)
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


class Translator:
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
        _check_backend(backend)
        self.card = card
        self.config = config
        self.weights = weights
        self.device = torch.device(device)
        self.precision = precision
        self.backend = backend
        self.norm = _norm_mode(card, norm)
        self.seed = seed
        self.notes = list(notes)
        self._sample_noise = sample_noise
        _check_noise(card, network, sample_noise)
        self._reload = reload
        self._lock = threading.Lock()
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

    def describe(self) -> str:
        """One line: model, weights, device, precision, backend, whether it is packed for the CPU, and its modes."""
        parts = [
            self.card.name,
            f"weights {self.weights or 'unnamed'}",
            f"on {self.device} in {self.precision}",
            f"backend {self.backend}",
            *(["packed"] if self.why_not_packed is None else []),
            *(["batch statistics"] if self.norm == "train" else []),
            *([f"noise of seed {self.seed}"] if self.noise else []),
        ]
        return ", ".join(parts)

    @property
    def why_not_packed(self) -> str | None:
        """Why the network runs layer by layer, as a sentence; None where it was packed for the processor.

        See :mod:`imtrans.infer.fast`.
        """
        return self._fast.why_not(self.network, self._dtype)

    def __repr__(self) -> str:
        return f"<Translator: {self.describe()}>"

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
        with self._lock, torch.inference_mode():
            if len(batch) > 1 and not (self.batches and self._fits(batch.shape)):
                return torch.cat([self._checked(single) for single in _singles(batch)])
            return self._checked(batch)

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

    def _fits(self, shape: Sequence[int]) -> bool:
        """Whether a batch of this shape fits into the memory that is left, as far as that can be told."""
        needed, left = self._need(shape)
        return needed is None or left is None or needed <= left

    def _need(self, shape: Sequence[int]) -> tuple[int | None, int | None]:
        """Bytes that a batch of this shape takes and bytes that are left; None where it is small or cannot be told."""
        if shape[0] * shape[-2] * shape[-1] <= _SMALL:
            return None, None
        padded = pad_up(torch.empty(1, device="meta").expand(*shape), self._multiple, self._minimum).shape
        channels = 1 if self.card.channels == "L" else 3
        with ops.use_backend(self.backend):
            needed = memory.peak_bytes(self.network, (shape[0], channels, *padded[-2:]), self._dtype)
        return needed and int(needed * _SCRATCH), memory.available_bytes(self.device)

    def _too_large(self, shape: Sequence[int], needed: int | None, left: int | None) -> ImtransError:
        height, width = shape[-2:]
        takes = f" takes about {needed / 1e9:.1f} GB" if needed else " takes more memory than there is"
        side = (
            int(max(height, width) * min((left / needed) ** 0.5, 1) * 0.95)
            if needed and left
            else max(height, width) // 2
        )
        other = " or --device cpu" if self.device.type == "cuda" else ""
        return ImtransError(
            f"a picture of {width} x {height} pixels{takes} on {self.device} in {self.precision}.",
            have=f"There are {left / 1e9:.1f} GB left." if left is not None else "",
            hint=f"Make it smaller, with --max-size {side}{other}.",
        )

    # --- the forward pass ---------------------------------------------------------------------------------------------

    @property
    def _dtype(self) -> torch.dtype:
        return DTYPES[self.precision]

    @property
    def _multiple(self) -> int:
        return int(getattr(self.network, "multiple", 1))

    @property
    def _minimum(self) -> int:
        return int(getattr(self.network, "minimum", 1))

    def _prepared(self, network: nn.Module) -> nn.Module:
        network = network.to(self.device, self._dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        set_inference_mode(network, self.norm, noise=self._sample_noise)
        return network

    def _checked(self, batch: Tensor) -> Tensor:
        """The forward pass, with its failures in words and, where allowed, a second try in fp32."""
        needed, left = self._need(batch.shape)
        if needed is not None and left is not None and needed > left:
            raise self._too_large(batch.shape, needed, left)
        try:
            result = self._forward(batch)
            if not result.isfinite().all() and self._fall_back():
                result = self._forward(batch)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            raise self._too_large(batch.shape, needed, left) from error
        if not result.isfinite().all():
            lower = self.precision != "fp32"
            raise ImtransError(
                f"the network gave values that are no numbers (in {self.precision}).",
                hint="Say --precision fp32 (in Python: precision='fp32')." if lower else "The weights are damaged.",
            )
        return result.clamp_(0, 1)

    def _fall_back(self) -> bool:
        """Go on in fp32 where the precision was ours to choose."""
        if self._reload is None or self.precision == "fp32":
            return False
        self.notes.append(f"the network's values overflowed in {self.precision}; it goes on in fp32")
        self.precision = "fp32"
        self.network = self._prepared(self._reload())
        return True

    def _forward(self, batch: Tensor) -> Tensor:
        """RGB 0..255 or 0..1 in, RGB around 0..1 out; everything between is as the network's authors had it."""
        height, width = (side * self.card.scale for side in batch.shape[-2:])
        images = self._to_network(batch)
        with ops.use_backend(self.backend), self._seeded():
            output = self._fast.run(self.network, images)
        expected = (len(batch), images.shape[1], *(side * self.card.scale for side in images.shape[-2:]))
        if not isinstance(output, Tensor) or tuple(output.shape) != expected:
            gave = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise PluginError(
                f"the network of {self.card.name!r} gave {gave} where {expected} was expected.",
                hint="Its plugin has to declare scale and channels on the card, multiple and minimum on the network.",
            )
        return self._from_network(output[..., :height, :width])

    @contextlib.contextmanager
    def _seeded(self) -> Iterator[None]:
        """Noise comes from the seed alone, and the caller's random numbers stay as they are."""
        if not self.noise:
            yield
            return
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(self.seed)
            yield

    def _to_network(self, batch: Tensor) -> Tensor:
        images = batch.to(self.device).float()
        if batch.dtype == torch.uint8:
            images = images / 255
        if self.card.channels == "BGR":
            images = images.flip(1)
        elif self.card.channels == "L":
            luma = torch.tensor(_LUMA, device=self.device).view(1, 3, 1, 1)
            images = (images * luma).sum(1, keepdim=True)
        low, high = self.card.value_range
        images = pad_up(images * (high - low) + low, self._multiple, self._minimum)
        return images.to(self._dtype).contiguous(memory_format=torch.channels_last)

    def _from_network(self, output: Tensor) -> Tensor:
        low, high = self.card.value_range
        images = (output.float() - low) / (high - low)
        if self.card.channels == "BGR":
            images = images.flip(1)
        return images.expand(-1, 3, -1, -1).clone() if self.card.channels == "L" else images


def _singles(batch: Tensor) -> list[Tensor]:
    return [batch[index : index + 1] for index in range(len(batch))]


def _check_backend(name: str) -> None:
    with ops.use_backend(name):  # says by itself what is wrong with the name
        pass


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


def _is_out_of_memory(error: BaseException) -> bool:
    # torch reports a failed allocation on a CPU as a plain RuntimeError.
    words = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(word in str(error).lower() for word in words)
