"""Make the golden file of DCGAN's layout with mmagic's own code, which is not part of this project.

    python make_gan.py CHECKOUT [--output FOLDER]

CHECKOUT is a checkout of open-mmlab/mmagic at the commit that README.md names; mmengine and mmcv-lite are installed.
Only the files of its DCGAN are run: importing the whole package would ask for libraries that they do not need.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import torch
from make import fill
from safetensors.torch import save_file
from torch import Tensor, nn

SEEDS = (0, 1, 42)
"""Of the latents that the generator is tried on, as imtrans draws them."""
SIZE, WIDTH, Z_DIM = 16, 8, 10


def authors_networks(checkout: Path) -> tuple[type[nn.Module], type[nn.Module]]:
    """The classes of the authors' generator and discriminator, imported without their packages' ``__init__``."""
    for name in ("mmagic", "mmagic.models", "mmagic.models.editors", "mmagic.models.editors.dcgan"):
        package = ModuleType(name)
        package.__path__ = [str(checkout / name.replace(".", "/"))]
        sys.modules[name] = package
    # All that the generator takes from there; it says where the module's parameters are.
    utils = SimpleNamespace(get_module_device=lambda module: next(module.parameters()).device)
    sys.modules["mmagic.models.utils"] = utils  # type: ignore[assignment]
    generator = importlib.import_module("mmagic.models.editors.dcgan.dcgan_generator").DCGANGenerator
    discriminator = importlib.import_module("mmagic.models.editors.dcgan.dcgan_discriminator").DCGANDiscriminator
    return generator, discriminator


@torch.no_grad()
def make(checkout: Path) -> dict[str, Tensor]:
    """Both state dicts in half precision under the prefixes that mmagic saves them with, and what they give."""
    generator_class, discriminator_class = authors_networks(checkout)
    generator = generator_class(output_scale=SIZE, base_channels=WIDTH, noise_size=Z_DIM).double().eval()
    slope = {"type": "LeakyReLU", "negative_slope": 0.2}  # the paper's; mmcv's own default is 0.01
    discriminator = discriminator_class(SIZE, 4, 1, base_channels=WIDTH // 2, default_act_cfg=slope).double().eval()
    tensors: dict[str, Tensor] = {}
    for seed, (name, network) in enumerate((("generator", generator), ("discriminator", discriminator))):
        fill(network, seed)
        for key, tensor in network.state_dict().items():
            tensors[f"{name}.{key}"] = tensor.half() if tensor.is_floating_point() else tensor
    z = torch.from_numpy(np.concatenate([np.random.RandomState(seed).randn(1, Z_DIM) for seed in SEEDS]))
    pictures = generator(z)
    return {**tensors, "golden.output": pictures, "golden.scores": discriminator(pictures)}


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    tensors = {key: tensor.contiguous() for key, tensor in make(options.checkout).items()}
    save_file(tensors, options.output / "gan-dcgan.safetensors")


if __name__ == "__main__":
    main()
