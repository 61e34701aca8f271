"""One trained network behind one call: seeds in, pictures out. The peer of the translator, for ``task="generate"``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import torch
from PIL import Image
from torch import Tensor, nn

from imtrans import ops, registry
from imtrans.card import Card
from imtrans.data.pixels import to_images
from imtrans.device import choose_device, choose_precision
from imtrans.errors import PluginError, UsageError
from imtrans.infer.model import RunningModel
from imtrans.infer.task import check_task
from imtrans.nn.generative import GenerativeNetwork, StyleNetwork
from imtrans.nn.inference_mode import set_inference_mode
from imtrans.nn.latents import MAX_SEED, latents, layer_noise
from imtrans.weights.download import Progress
from imtrans.weights.loading import load_network

NOISE_MODES = ("const", "random", "none")
BATCH = 8
"""Pictures in a forward pass, unless another number is asked for."""


@dataclass(frozen=True)
class Sampling:
    """How pictures are drawn, besides their seeds and classes; the names are those of NVIDIA's ``gen_images.py``."""

    truncation_psi: float = 1.0
    """1 leaves the styles as they are; towards 0, pictures come closer to the average one, typical and alike."""
    truncation_cutoff: int | None = None
    """How many layers are truncated, from the first; None for all."""
    noise: Literal["const", "random", "none"] = "const"
    """What gives fine detail: the network's own noise, noise drawn from the seed, or none."""

    def __post_init__(self) -> None:
        if self.noise not in NOISE_MODES:
            raise UsageError(
                f"there is no noise called {self.noise!r}.",
                have="There are const (the network's own), random (drawn from the seed) and none.",
            )
        if not math.isfinite(self.truncation_psi):
            raise UsageError(f"a truncation psi is a number such as 0.7, not {self.truncation_psi}.")
        if self.truncation_cutoff is not None and self.truncation_cutoff < 0:
            raise UsageError(f"a truncation cutoff is a number of layers, not {self.truncation_cutoff}.")


@dataclass(frozen=True)
class Drawing:
    """What pictures are made of; item n of each field belongs to picture n.

    Attributes:
        codes: the styles (N, num_ws, w_dim) of a network that has some, else the latents (N, z_dim).
        labels: numbers of classes, int64 (N,), or None.
        seeds: of the layers' random noise.
    """

    codes: Tensor
    labels: Tensor | None
    seeds: Sequence[int]

    def portion(self, start: int, stop: int) -> Drawing:
        """The pictures from ``start`` up to ``stop``."""
        labels = None if self.labels is None else self.labels[start:stop]
        return Drawing(self.codes[start:stop], labels, self.seeds[start:stop])


def load_generator(
    name: str | Card,
    *,
    weights: str | Path | None = None,
    device: str | torch.device = "auto",
    precision: str = "auto",
    backend: str = "auto",
    offline: bool = False,
    progress: Progress | None = None,
) -> Generator:
    """Load a model with its weights, ready to generate.

    Args:
        name: a model's name (``"dcgan"``), or a card.
        weights: a name from the card's list or the path of a checkpoint; None takes the card's default.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
        precision: ``"auto"`` and ``"fp32"`` compute in fp32, so that a seed gives its picture on every device;
            ``"bf16"`` and ``"fp16"`` where asked for.
        backend: ``"auto"``, ``"fused"`` or ``"reference"``, see :mod:`imtrans.ops`.
        offline: never download; weights that are not in the cache are an error.
        progress: called with (bytes so far, bytes in all or None) during a download.

    Raises:
        UnknownNameError: there is no such model or no such weights.
        PluginError: the model's plugin is broken.
        WeightsError: the checkpoint cannot be had, trusted or fitted.
        DeviceError, UsageError: the device, precision or backend does not exist here, or the model translates.
    """
    card = name if isinstance(name, Card) else registry.find(name)
    check_task(card, "generate")
    where = choose_device(device)
    kind = choose_precision("fp32" if precision == "auto" else precision, where, card.precisions)
    loaded = load_network(card, weights, offline=offline, progress=progress)
    return Generator(
        loaded.network,
        card,
        config=loaded.config,
        weights=loaded.name,
        device=where,
        precision=kind,
        backend=backend,
        notes=loaded.notes,
    )


class Generator(RunningModel):
    """A network that draws pictures, and all that has to happen around it: seeds, value range, batches, device.

    The same seed (and class and settings) gives the same latent, styles and noise whatever else is generated, in
    whichever batches and on whichever device; the picture then differs at most by the rounding of sums in another
    order. Calls from several threads are served one after another.

    Attributes:
        network: the raw module, on :attr:`device` and in :attr:`precision`.
        card: what the plugin says about the model.
        config: the network's configuration.
        weights: the name of the weights, or of their file.
        device: where the network is.
        precision: ``"fp32"``, ``"bf16"`` or ``"fp16"``.
        backend: which operators serve, see :mod:`imtrans.ops`.
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
        notes: Sequence[str] = (),
    ) -> None:
        super().__init__(card, config, weights, device, precision, backend)
        check_network(card, network)
        self.notes += notes
        self.network = network.to(self.device, self._dtype)
        set_inference_mode(self.network, card.norm_at_inference)

    # --- what the network is ----------------------------------------------------------------------------------------

    @property
    def z_dim(self) -> int:
        """Numbers in a latent vector."""
        return cast(GenerativeNetwork, self.network).z_dim

    @property
    def classes(self) -> int:
        """Classes that a picture can be asked for; 0 for an unconditional model."""
        return cast(GenerativeNetwork, self.network).classes

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures, as Pillow counts."""
        height, width = cast(GenerativeNetwork, self.network).output_size
        return width, height

    @property
    def styles(self) -> StyleNetwork | None:
        """The network, where it separates styles from synthesis; then pictures can be truncated and mixed."""
        return cast(StyleNetwork, self.network) if has_styles(self.network) else None

    def _particulars(self) -> Sequence[str]:
        """The size of the pictures, and how many classes there are."""
        width, height = self.size
        return (f"{width} x {height} pixels", *([f"{self.classes} classes"] if self.classes else []))

    # --- pictures ---------------------------------------------------------------------------------------------------

    def __call__(
        self,
        seeds: Sequence[int],
        *,
        classes: int | Sequence[int] | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        noise: Literal["const", "random", "none"] = "const",
        batch_size: int = BATCH,
    ) -> list[Image.Image]:
        """The pictures of the seeds, as RGB images, or grey ones (mode L) where the network draws in grey.

        Args:
            seeds: whole numbers from 0 to 2^32 - 1.
            classes: of all pictures, or of each; a conditional model needs it.
            truncation_psi: see :class:`Sampling`, as the next two.
            truncation_cutoff: how many layers are truncated.
            noise: which noise gives fine detail.
            batch_size: pictures in a forward pass.

        Raises:
            UsageError: a seed, class or setting that the model does not have.
            ImtransError: the network's values are no colours.
        """
        sampling = Sampling(truncation_psi, truncation_cutoff, noise)
        drawing = self.draw(seeds, classes, sampling, batch_size=batch_size)
        return [image for batch in self.pictures(drawing, noise, batch_size=batch_size) for image in batch]

    def draw(
        self,
        seeds: Sequence[int],
        classes: int | Sequence[int] | None = None,
        sampling: Sampling = Sampling(),
        *,
        batch_size: int = BATCH,
    ) -> Drawing:
        """What the pictures of the seeds are made of: latents, or the (truncated) styles of a network that has some.

        Raises:
            UsageError: see :meth:`__call__`.
        """
        check_seeds(seeds)
        self._check(sampling)
        labels = self.labels(len(seeds), classes)
        z = latents(seeds, self.z_dim)
        codes = z if self.styles is None else self.map(z, labels, sampling, batch_size=batch_size)
        return Drawing(codes, labels, tuple(seeds))

    def map(
        self,
        z: Tensor,
        labels: Tensor | None,
        sampling: Sampling = Sampling(),
        *,
        batch_size: int = BATCH,
    ) -> Tensor:
        """The styles of latents (N, z_dim), float32 (N, num_ws, w_dim) on the CPU; for networks that have styles."""
        assert self.styles is not None
        mapping, parts = self.styles.mapping, []
        with self._lock, torch.inference_mode(), ops.use_backend(self.backend):
            for start in range(0, len(z), batch_size):
                stop = start + batch_size
                parts.append(
                    mapping(
                        self._placed(z[start:stop]),
                        None if labels is None else labels[start:stop].to(self.device),
                        truncation_psi=sampling.truncation_psi,
                        truncation_cutoff=sampling.truncation_cutoff,
                    )
                    .float()
                    .cpu()
                )
        return torch.cat(parts)

    def pictures(
        self, drawing: Drawing, noise: str = "const", *, batch_size: int = BATCH
    ) -> Iterator[list[Image.Image]]:
        """The pictures of a drawing, a batch at a time.

        Raises:
            ImtransError: the network's values are no colours, or it gave something else than its plugin says.
        """
        if batch_size < 1:
            raise UsageError(f"a batch of {batch_size} pictures is none; batch_size is 1 or more.")
        for start in range(0, len(drawing.codes), batch_size):
            with self._lock, torch.inference_mode(), ops.use_backend(self.backend):
                output = self._forward(drawing.portion(start, start + batch_size), noise)
            yield self._images(output)

    # --- the forward pass -------------------------------------------------------------------------------------------

    def _forward(self, drawing: Drawing, noise: str) -> Tensor:
        codes = self._placed(drawing.codes)
        if self.styles is None:
            output = (
                self.network(codes) if drawing.labels is None else self.network(codes, drawing.labels.to(self.device))
            )
        else:
            drawn = None
            if noise == "random":
                drawn = [self._placed(layer) for layer in layer_noise(drawing.seeds, self.styles.noise_shapes)]
            output = self.styles.synthesis(codes, noise_mode=noise, noise=drawn)
        width, height = self.size
        expected = [(len(codes), channels, height, width) for channels in (1, 3)]
        if not isinstance(output, Tensor) or tuple(output.shape) not in expected:
            gave = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise PluginError(f"the network of {self.card.name!r} gave {gave} where {expected[1]} was expected.")
        return output

    def _placed(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.device, self._dtype)

    def _images(self, output: Tensor) -> list[Image.Image]:
        self._require_finite(output)
        grey = output.shape[1] == 1
        images = to_images(output, self.card.value_range, "L" if grey else self.card.channels)
        return [image.convert("L") for image in images] if grey else images

    # --- what was asked for -----------------------------------------------------------------------------------------

    def _check(self, sampling: Sampling) -> None:
        asked = sampling.truncation_psi != 1 or sampling.truncation_cutoff is not None
        if self.styles is None and (asked or sampling.noise != "const"):
            what = "styles to truncate" if asked else "layers that take noise"
            raise UsageError(
                f"the model {self.card.name!r} has no {what}: it makes pictures of latents directly.",
                hint="Leave --truncation-psi, --truncation-cutoff and --noise away.",
            )

    def labels(self, count: int, classes: int | Sequence[int] | None) -> Tensor | None:
        """The class of each picture, int64 (count,); None for a network without classes.

        Raises:
            UsageError: there is no such class, or the network wants to know one, or knows none.
        """
        if not self.classes:
            if classes is not None:
                raise UsageError(
                    f"these weights of {self.card.name!r} know no classes.",
                    have="They were trained without labels.",
                    hint="Leave --class away.",
                )
            return None
        known = f"Classes: 0 to {self.classes - 1}."
        if classes is None:
            raise UsageError(
                f"the model {self.card.name!r} wants to know which class to draw.", have=known, hint="Type --class 0."
            )
        chosen = [classes] * count if isinstance(classes, int) else list(classes)
        if len(chosen) != count:
            raise UsageError(
                f"{len(chosen)} classes were given for {count} seeds.",
                hint="Give one for all pictures, or as many as there are seeds.",
            )
        if wrong := [number for number in chosen if not 0 <= number < self.classes]:
            raise UsageError(f"there is no class {wrong[0]}.", have=known)
        return torch.tensor(chosen, dtype=torch.int64)


def has_styles(network: nn.Module) -> bool:
    """Whether the network is a :class:`~imtrans.nn.generative.StyleNetwork`."""
    return all(hasattr(network, name) for name in ("mapping", "synthesis", "num_ws", "w_dim", "noise_shapes"))


def check_network(card: Card, network: nn.Module) -> None:
    """Refuse a network that does not keep the contract of :mod:`imtrans.nn.generative`.

    Raises:
        PluginError: it lacks something.
    """
    missing = [name for name in ("z_dim", "classes", "output_size") if not hasattr(network, name)]
    if missing:
        raise PluginError(
            f"the network of {card.name!r} cannot generate: it has no {', '.join(missing)}.",
            hint="Its plugin has to keep the contract of imtrans.nn.generative.GenerativeNetwork.",
        )


def check_seeds(seeds: Sequence[int]) -> None:
    """Refuse an empty list of seeds, and seeds that NumPy cannot take.

    Raises:
        UsageError: the message names the first wrong one.
    """
    if not seeds:
        raise UsageError("there are no seeds, so there is nothing to generate.", hint="Type --seeds 0-15.")
    for seed in seeds:
        if not 0 <= seed <= MAX_SEED:
            raise UsageError(f"the seed {seed} is out of range.", have=f"Seeds are whole numbers from 0 to {MAX_SEED}.")
