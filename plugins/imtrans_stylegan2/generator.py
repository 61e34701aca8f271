"""StyleGAN2's generator: mapping and synthesis."""

from __future__ import annotations

from torch import Tensor, nn

from imtrans_stylegan2.config import GeneratorConfig
from imtrans_stylegan2.mapping import MappingNetwork
from imtrans_stylegan2.synthesis import NoiseMode, SynthesisNetwork


class Generator(nn.Module):
    """z -> w -> picture; state-dict keys are those of NVIDIA's stylegan2-ada-pytorch.

    It keeps the contract of :class:`imtrans.nn.generative.StyleNetwork`.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.z_dim, self.w_dim, self.num_ws, self.classes = config.z_dim, config.w_dim, config.num_ws, config.c_dim
        self.output_size = (config.resolution, config.resolution)
        self.synthesis = SynthesisNetwork(config)
        self.noise_shapes = self.synthesis.noise_shapes
        self.mapping = MappingNetwork(config.z_dim, config.c_dim, config.w_dim, config.num_ws, config.mapping_layers)

    def forward(
        self,
        z: Tensor,
        labels: Tensor | None = None,
        *,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        noise_mode: NoiseMode = "const",
    ) -> Tensor:
        """Latents (N, z_dim) -> pictures (N, 3, R, R), about -1 to 1.

        Args:
            z: drawn from N(0, 1).
            labels: the classes' numbers, int64 (N,); None for networks without classes.
            truncation_psi: 1 for all the variety, less for more typical pictures, 0 for the average one.
            truncation_cutoff: truncate only the first so many styles; None for all.
            noise_mode: ``"random"`` draws from torch's global generator, ``"const"`` is the network's own, ``"none"``.
        """
        ws = self.mapping(z, labels, truncation_psi, truncation_cutoff)
        picture: Tensor = self.synthesis(ws, noise_mode)
        return picture


def build_generator(config: GeneratorConfig) -> Generator:
    """The generator of that configuration, with random weights."""
    return Generator(config)
