"""Pictures in another style: projected, and some layers' styles taken from a seed. From generating to translating."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image
from torch import Tensor

from imtrans.data.picture import read_picture
from imtrans.infer.generator import Drawing, Generator
from imtrans.infer.mixing import check_mixable, mix
from imtrans.infer.projection import Progress, load_latent, project, square


class Restyler:
    """Gives the layers of projected pictures the styles of a seed.

    Args:
        generator: of a network that has styles.
        seed: whose styles are taken.
        layers: which styles are replaced.
        label: the class, for conditional networks.
        steps: of a projection.
        noise_seed: of the noise on its way.

    Raises:
        UsageError: the model has no styles, or no such class.
    """

    def __init__(
        self,
        generator: Generator,
        seed: int,
        layers: Sequence[int],
        *,
        label: int | None = None,
        steps: int = 500,
        noise_seed: int = 0,
    ) -> None:
        check_mixable(generator)
        self.generator, self.layers, self.label = generator, list(layers), label
        self.steps, self.noise_seed = steps, noise_seed
        self.style = generator.draw([seed], label)

    def __call__(self, source: Path, report: Callable[[Progress], None] = lambda progress: None) -> Image.Image:
        """The picture, or latent (``.safetensors``), at ``source`` with the other styles.

        Raises:
            InputError, WeightsError: it cannot be read.
        """
        return self.mixed(self.latent(source, report))

    def latent(self, source: Path, report: Callable[[Progress], None] = lambda progress: None) -> Tensor:
        """The styles of what is at ``source``, (1, num_ws, w_dim)."""
        if source.suffix == ".safetensors":
            return load_latent(source, self.generator)
        target = square(read_picture(source).image, self.generator.size)
        progress = None
        way = project(self.generator, target, steps=self.steps, label=self.label, seed=self.noise_seed)
        for progress in way:
            report(progress)
        assert progress is not None
        return progress.ws

    def mixed(self, ws: Tensor) -> Image.Image:
        """The picture of styles (1, num_ws, w_dim) with those of the seed in the layers."""
        own: Drawing = replace(self.style, codes=ws)
        (batch,) = self.generator.pictures(mix(own, self.style, self.layers))
        return batch[0]
