"""Make the golden losses of pix2pix's training with the authors' own code, which is not part of this project.

    python make_pix2pix.py CHECKOUT [--output FOLDER]

CHECKOUT is a checkout of the authors' repository at the commit that README.md names.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from argparse import Namespace
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from make import fill, recorded_dropout, texture
from safetensors.torch import save_file
from torch import Tensor

STEPS = 3
"""Training steps, of which each depends on the updates of those before."""


@dataclass(frozen=True)
class Training:
    """A training as the authors' command line describes it."""

    netG: str  # noqa: N815 - the authors' name, as those below
    norm: str
    gan_mode: str
    direction: str
    size: int
    """Side of the pictures: ``texture`` is A, and its mirror image with rows and columns exchanged is B."""
    ngf: int = 2
    ndf: int = 2
    lr: float = 0.002
    beta1: float = 0.5
    lambda_L1: float = 100.0  # noqa: N815


TRAININGS = {
    "pix2pix-training-vanilla": Training("unet_128", "batch", "vanilla", "AtoB", 128),
    "pix2pix-training-lsgan": Training("resnet_6blocks", "instance", "lsgan", "BtoA", 32),
}


def options_of(training: Training) -> Namespace:
    """What the authors' option parser would give."""
    fixed: dict[str, Any] = {
        "isTrain": True,
        "checkpoints_dir": ".",
        "name": "golden",
        "device": torch.device("cpu"),
        "preprocess": "none",
        "input_nc": 3,
        "output_nc": 3,
        "no_dropout": False,
        "init_type": "normal",
        "init_gain": 0.02,
        "netD": "basic",
        "n_layers_D": 3,
    }
    return Namespace(**fixed, **asdict(training))


def make(training: Training, seed: int) -> dict[str, Tensor]:
    """The weights at the start, the dropout masks of every step, and under ``golden.losses`` the losses of each."""
    module = importlib.import_module("models.pix2pix_model")
    model = module.Pix2PixModel(options_of(training))
    tensors: dict[str, Tensor] = {}
    for place, name in enumerate(("G", "D")):
        network = getattr(model, f"net{name}").double().train()
        fill(network, seed + place)
        state = network.state_dict()
        tensors |= {f"{name}.{k}": (v.half() if v.is_floating_point() else v).clone() for k, v in state.items()}
    model.criterionGAN.double()
    a = texture(training.size, training.size)
    model.set_input({"A": a, "B": a.mT.flip(3), "A_paths": [], "B_paths": []})
    losses = []
    with recorded_dropout(seed) as masks:
        for _ in range(STEPS):
            model.optimize_parameters()
            losses.append([getattr(model, f"loss_{name}").item() for name in model.loss_names])
    print(model.loss_names, losses)
    tensors |= {f"golden.mask.{place:02}": mask for place, mask in enumerate(masks)}
    return tensors | {"golden.losses": torch.tensor(losses, dtype=torch.float64)}


def main() -> None:
    """Write every training."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    sys.path.insert(0, str(options.checkout))
    for place, (name, training) in enumerate(TRAININGS.items()):
        tensors = make(training, seed=100 * (place + 1))
        names = ["G_GAN", "G_L1", "D_real", "D_fake"]
        save_file(
            tensors, options.output / f"{name}.safetensors", {"case": json.dumps({**asdict(training), "losses": names})}
        )
        print(f"{name}: {sum(t.nbytes for t in tensors.values()):,} bytes")


if __name__ == "__main__":
    main()
