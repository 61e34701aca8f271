"""Make the golden files of PGGAN and StyleGAN with pytorch_GAN_zoo's own code, which is not part of this project.

    python make_progressive.py CHECKOUT [--output FOLDER]

CHECKOUT is a checkout of facebookresearch/pytorch_GAN_zoo at the commit that README.md names.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

SEEDS = (0, 1, 42)
"""Of the latents that the generators are tried on, as imtrans draws them."""
WIDTHS, Z_DIM = (8, 6, 5), 7
OLD_SHARE = 0.25
"""The zoo's alpha in the middle of a fade, which is level 1.75 here."""
COUNT, LOSS_SEED, NOISE_SEED = 4, 5, 6
TRUNCATION = 0.5


def latents() -> Tensor:
    """(3, Z_DIM)."""
    drawn = [np.random.RandomState(seed).randn(1, Z_DIM) for seed in SEEDS]
    return torch.from_numpy(np.concatenate(drawn)).float()


def faces() -> Tensor:
    """(COUNT, 3, 16, 16) in [-1, 1], without random numbers."""
    places = torch.linspace(-1, 1, 16)
    number = torch.arange(1, COUNT + 1).view(-1, 1, 1, 1)
    channel = torch.arange(1, 4).view(1, 3, 1, 1)
    return torch.sin(number * 2 * places.view(1, 1, 16, 1) + channel * 3 * places.view(1, 1, 1, 16))


@torch.no_grad()
def fill(network: nn.Module, seed: int) -> dict[str, Tensor]:
    """Draw every parameter as the authors do, as half precision holds it; gives them so."""
    random = torch.Generator().manual_seed(seed)
    for key, tensor in network.state_dict().items():
        # Layers that learn a hundredth as fast have weights a hundred times as large.
        scale = 100 if key.startswith("mapping.") else 1
        tensor.copy_((scale * torch.randn(tensor.shape, generator=random)).half())
    return {key: tensor.half() for key, tensor in network.state_dict().items()}


def faded(model: Any, pictures: Tensor) -> Tensor:
    """Real pictures as the authors' trainer shows them to a model in the middle of a fade."""
    # The class above it reads data, for which it asks for libraries that this function does not need.
    sys.modules.setdefault("models.trainer.gan_trainer", SimpleNamespace(GANTrainer=object))  # type: ignore[arg-type]
    trainer = importlib.import_module("models.trainer.progressive_gan_trainer").ProgressiveGANTrainer
    no_jumps = SimpleNamespace(iterAlphaJump=[[]])
    state = SimpleNamespace(indexJumpAlpha=0, modelConfig=no_jumps, model=SimpleNamespace(config=model.netG))
    shown: Tensor = trainer.inScaleUpdate(state, 0, 0, pictures)
    return shown


def still(module: str, name: str, **settings: Any) -> Any:
    """One of the zoo's models whose networks do not move, so that all losses of a step are of the same ones."""

    class Still(getattr(importlib.import_module(module), name)):  # type: ignore[misc]
        """Without optimisers that act."""

        def getOptimizerG(self) -> torch.optim.Optimizer:  # noqa: N802
            return torch.optim.SGD(self.netG.parameters(), lr=0.0)

        def getOptimizerD(self) -> torch.optim.Optimizer:  # noqa: N802
            return torch.optim.SGD(self.netD.parameters(), lr=0.0)

    model = Still(dimLatentVector=Z_DIM, depthScale0=WIDTHS[0], miniBatchStdDev=True, useGPU=False, **settings)
    for width in WIDTHS[1:]:
        model.addScale(width)
    return model


def make(model: Any) -> dict[str, Tensor]:
    """State dicts of both networks, pictures and scores at two levels, and the losses of one step."""
    tensors: dict[str, Tensor] = {}
    for seed, name in enumerate(("netG", "netD")):
        tensors |= {f"{name}.{key}": tensor for key, tensor in fill(getattr(model, name), seed).items()}
    for name, share in (("full", 0.0), ("fading", OLD_SHARE)):
        for network in (model.netG, model.netD):
            network.setNewAlpha(share)
        torch.manual_seed(NOISE_SEED)
        with torch.no_grad():
            tensors[f"golden.{name}.pictures"] = model.netG.eval()(latents())
            tensors[f"golden.{name}.scores"] = model.netD(faces())
        torch.manual_seed(LOSS_SEED)
        losses = model.optimizeParameters(faded(model, faces()))
        kept = [key for key in losses if key.startswith(("lossD_", "lossG_")) and not key.endswith("_classif")]
        tensors |= {f"golden.{name}.{key}": torch.tensor([losses[key]]) for key in kept}
    return tensors


def pggan() -> dict[str, Tensor]:
    """With the penalties of the zoo's configuration."""
    return make(still("models.progressive_gan", "ProgressiveGAN", lambdaGP=10.0, epsilonD=1e-3))


def stylegan() -> dict[str, Tensor]:
    """Likewise; besides, pictures whose styles are truncated."""
    model = still(
        "models.styleGAN", "StyleGAN", nMappings=2, phiTruncation=1.0, lossMode="Logistic", logisticGradReal=5.0
    )
    tensors = make(model)
    model.netG.setNewAlpha(0.0)
    model.netG.phiTruncation = TRUNCATION
    torch.manual_seed(NOISE_SEED)
    with torch.no_grad():
        tensors["golden.truncated.pictures"] = model.netG(latents())
    return tensors


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    sys.path.insert(0, str(options.checkout))
    for name, tensors in (("pggan", pggan()), ("stylegan", stylegan())):
        whole = {key: tensor.contiguous() for key, tensor in tensors.items()}
        save_file(whole, options.output / f"{name}.safetensors")


if __name__ == "__main__":
    main()
