"""Make the golden files of DeblurGAN with the authors' own code, which is not part of this project.

    python make_deblurgan.py CHECKOUT --commit ID [--output FOLDER]

CHECKOUT is a checkout of the authors' repository at the commit ID; the cases that name this commit are made.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import math
import sys
from argparse import Namespace
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch
from make import fill, read_authors, recorded_dropout, texture
from safetensors.torch import save_file
from torch import Tensor, nn

WHOLE, LATEST, SECOND = "afc149d", "2499a87", "c16bd9f"
"""Commits: the last one whose residual blocks have both their convolutions, the newest, and one of DeblurGAN-v2."""


@dataclass(frozen=True)
class Case:
    """One network as the authors' constructors take it, and the picture it is tried on, in train mode."""

    network: str
    """``resnet``, ``patch`` or ``pyramid``."""
    width: int
    """ngf or ndf."""
    depth: int
    """Residual blocks, or strided convolutions."""
    norm: str = "instance"
    dropout: bool = True
    learn_residual: bool = True
    size: tuple[int, int] = (16, 20)
    commit: str = WHOLE
    drawn: bool = False
    """Keep the seed and the shapes of the weights in place of the weights: the newest code has a width of 64 only."""
    stride: int = 1
    """Every which output pixel is kept, in both directions."""


CASES = {
    "deblurgan-resnet9": Case("resnet", 2, 9),
    "deblurgan-resnet6-batch": Case("resnet", 2, 6, norm="batch"),
    "deblurgan-resnet6-plain": Case("resnet", 2, 6, dropout=False, learn_residual=False),
    "deblurgan-resnet6-latest": Case("resnet", 64, 6, commit=LATEST, drawn=True),
    "deblurgan-pyramid": Case("pyramid", 64, 0, dropout=False, size=(64, 96), commit=SECOND, drawn=True, stride=3),
    "deblurgan-pyramid-batch": Case(
        "pyramid", 64, 0, norm="batch", dropout=False, size=(96, 64), commit=SECOND, drawn=True, stride=3
    ),
    "deblurgan-critic": Case("patch", 4, 3, size=(48, 40)),
}


@torch.no_grad()
def make(case: Case, authors: ModuleType, seed: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The authors' state dict, masks and ``golden.output`` as ``make.py`` keeps them, and what the metadata says."""
    if case.network == "pyramid":
        # Their networks.py, which has this too, imports networks that other libraries bring along.
        options = {"affine": False, "track_running_stats": True} if case.norm == "instance" else {"affine": True}
        norm = functools.partial(nn.InstanceNorm2d if case.norm == "instance" else nn.BatchNorm2d, **options)
    else:
        norm = authors.get_norm_layer(norm_type=case.norm)
    if case.network == "pyramid":
        network = authors.FPNMobileNet(norm, pretrained=False)
    elif case.network == "patch":
        network = authors.NLayerDiscriminator(3, case.width, case.depth, norm)
    else:
        options = {"use_dropout": case.dropout, "n_blocks": case.depth, "learn_residual": case.learn_residual}
        network = authors.ResnetGenerator(3, 3, case.width, norm, **options)
    network = network.double().train()
    fill(network, seed)
    state = network.state_dict()
    tensors = {key: (value.half() if value.is_floating_point() else value).clone() for key, value in state.items()}
    told = {**asdict(case), "seed": seed, "shapes": {key: tuple(value.shape) for key, value in tensors.items()}}
    with recorded_dropout(seed) as masks:
        output = network(texture(*case.size))
    kept = {} if case.drawn else tensors
    kept |= {f"golden.mask.{place:02}": mask for place, mask in enumerate(masks)}
    return {**kept, "golden.output": output[..., :: case.stride, :: case.stride].contiguous()}, told


# --- training -------------------------------------------------------------------------------------------------------

STEPS = 3
"""Training steps, of which each depends on the updates of those before."""
SIZE, WIDTH, LR = 16, 2, 0.002


def small_vgg(seed: int) -> nn.Sequential:
    """VGG-19's convolutions up to conv3_3 with a thirty-second of its channels, drawn at random."""
    layers: list[nn.Module] = []
    channels = 3
    for width in (2, 2, 0, 4, 4, 0, 8, 8, 8):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()] if width else [nn.MaxPool2d(2)]
        channels = width or channels
    network = nn.Sequential(*layers).double()
    with torch.no_grad():
        fill(network, seed)
    return network


def make_training(seed: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """All weights at the start, the dropout masks and mixtures of every step, and ``golden.losses``."""
    vgg = small_vgg(seed)
    models = SimpleNamespace(vgg19=lambda pretrained: SimpleNamespace(features=vgg))
    torchvision = SimpleNamespace(models=models)
    stubs = {"torchvision": torchvision, "torchvision.models": models}
    stay = {"cuda": lambda self, *_: self}
    with (
        mock.patch.dict(sys.modules, stubs),  # type: ignore[arg-type]  # what they read of it is there
        mock.patch.multiple(torch.Tensor, **stay),
        mock.patch.multiple(nn.Module, **stay),
    ):
        model = importlib.import_module("models.conditional_gan_model").ConditionalGAN(training_options())
        return trained(model, vgg, seed)


def trained(model: Any, vgg: nn.Sequential, seed: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What three of the model's own steps give."""
    tensors = {f"vgg.features.{key}": value.half() for key, value in vgg.state_dict().items()}
    for place, name in enumerate(("G", "D")):
        network = getattr(model, f"net{name}").double().train()
        with torch.no_grad():
            fill(network, seed + 1 + place)
        state = network.state_dict()
        tensors |= {f"{name}.{k}": (v.half() if v.is_floating_point() else v).clone() for k, v in state.items()}
    model.input_A, model.input_B = model.input_A.double(), model.input_B.double()
    a = texture(SIZE, SIZE)
    model.set_input({"A": a, "B": a.mT.flip(3), "A_paths": [], "B_paths": []})
    penalties: list[float] = []
    shares: list[Tensor] = []
    whole, rand = model.discLoss.calc_gradient_penalty, torch.rand

    def penalty(*arguments: Any) -> Tensor:
        found: Tensor = whole(*arguments)
        penalties.append(found.item())
        return found

    def remembered(*shape: Any, **options: Any) -> Tensor:
        drawn = rand(*shape, **options)
        if shape == (1, 1):
            shares.append(drawn.clone())
        return drawn

    model.discLoss.calc_gradient_penalty = penalty
    losses = []
    torch.manual_seed(seed)
    with recorded_dropout(seed) as masks, mock.patch("torch.rand", remembered):
        for _ in range(STEPS):
            model.optimize_parameters()
            critic = model.loss_D.item() - penalties[-1]
            losses.append([critic, penalties[-1], model.loss_G_GAN.item(), model.loss_G_Content.item()])
    print(losses)
    tensors |= {f"golden.mask.{place:02}": mask for place, mask in enumerate(masks)}
    tensors |= {
        "golden.shares": torch.cat(shares).flatten(),
        "golden.losses": torch.tensor(losses, dtype=torch.float64),
    }
    told = {"losses": ["critic", "penalty", "gan", "content"], "size": SIZE, "width": WIDTH, "lr": LR, "blocks": 6}
    return tensors, told


def training_options() -> Namespace:
    """What the authors' option parser would give, for networks of two channels."""
    return Namespace(
        isTrain=True, gpu_ids=[], checkpoints_dir=".", name="golden", batchSize=1, input_nc=3, output_nc=3,
        fineSize=SIZE, gan_type="wgan-gp", ngf=WIDTH, ndf=WIDTH, which_model_netG="resnet_6blocks",
        which_model_netD="basic", n_layers_D=3, norm="instance", no_dropout=False, learn_residual=True,
        continue_train=False, pool_size=50, lr=LR, beta1=0.5, model="content_gan", lambda_A=100.0,
        which_direction="AtoB",
    )  # fmt: skip


# --- motion blur ----------------------------------------------------------------------------------------------------

CANVAS, LONGEST = 32, 28
EVERY = 50
"""Every which position of a trajectory is kept."""
SHAKEN = ((3, 0.01), (7, 0.005), (11, 0.003))
"""Seeds and anxieties of the trajectories."""


def make_blur() -> dict[str, Tensor]:
    """Trajectories by seed, and the point spread functions of their exposures."""
    np.math = math  # type: ignore[attr-defined]  # of NumPy 1, which the authors' code asks for the floor
    trajectories = importlib.import_module("motion_blur.generate_trajectory")
    functions = importlib.import_module("motion_blur.generate_PSF")
    tensors = {}
    for seed, anxiety in SHAKEN:
        np.random.seed(seed)
        way = trajectories.Trajectory(canvas=CANVAS, max_len=LONGEST, expl=anxiety).fit()
        found = functions.PSF(canvas=CANVAS, trajectory=way, fraction=[1 / 10, 1 / 2, 1])
        # Their array is one and the same for every exposure, and later ones are added to it.
        spread = [each.copy() for each in found.fit()]
        print(f"seed {seed}: {way.big_expl_count} shakes, sums {[each.sum().round(4) for each in spread]}")
        kept = way.x[::EVERY]
        tensors[f"way.{seed}"] = torch.from_numpy(np.stack([kept.real, kept.imag]))
        tensors[f"spread.{seed}"] = torch.from_numpy(np.stack(spread)).float()
    return tensors


def main() -> None:
    """Write the cases of one commit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--commit", choices=(WHOLE, LATEST, SECOND), required=True)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    sys.path.insert(0, str(options.checkout))
    second = options.commit == SECOND
    if second:  # PyTorch has renamed it since
        nn.functional.upsample = nn.functional.interpolate  # type: ignore[assignment]
    authors = importlib.import_module("models.fpn_mobilenet") if second else read_authors(options.checkout)
    for seed, (name, case) in enumerate(CASES.items(), 300):
        if case.commit == options.commit:
            write(options.output / f"{name}.safetensors", *make(case, authors, seed))
    if options.commit == WHOLE:
        write(options.output / "deblurgan-training.safetensors", *make_training(320))
        write(options.output / "deblurgan-blur.safetensors", make_blur(), {"shaken": SHAKEN, "every": EVERY})


def write(path: Path, tensors: dict[str, Tensor], told: dict[str, Any]) -> None:
    """One golden file."""
    save_file(tensors, path, {"case": json.dumps(told)})
    print(f"{path.stem}: {sum(t.nbytes for t in tensors.values()):,} bytes")


if __name__ == "__main__":
    main()
