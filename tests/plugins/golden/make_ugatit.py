"""Make the golden files of U-GAT-IT with the authors' own code, which is not part of this project.

    python make_ugatit.py CHECKOUT [--output FOLDER]

CHECKOUT is a checkout of the authors' repository at the commit that README.md names. Of what it imports, OpenCV, SciPy
and torchvision only read and draw pictures, and empty modules stand in for them.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

import torch
from make import texture
from safetensors.torch import save_file
from torch import Tensor, nn

STEPS = 3
"""Training steps, of which each depends on the updates of those before."""

NETWORKS = ("genA2B", "genB2A", "disGA", "disGB", "disLA", "disLB")


@dataclass(frozen=True)
class Generated:
    """A generator as the authors' constructor takes it, and the picture it is tried on."""

    light: bool
    size: tuple[int, int]
    ngf: int = 4
    n_blocks: int = 2
    img_size: int = 32


@dataclass(frozen=True)
class Judged:
    """A discriminator as the authors' constructor takes it, and the picture it is tried on, in training mode."""

    n_layers: int
    size: tuple[int, int]
    ndf: int = 2


@dataclass(frozen=True)
class Training:
    """A training as the authors' command line describes it; ``texture`` is A, and its flipped transpose is B."""

    light: bool
    img_size: int = 96
    ch: int = 1
    n_res: int = 2
    lr: float = 0.002
    weight_decay: float = 0.0001
    adv_weight: float = 1.0
    cycle_weight: float = 10.0
    identity_weight: float = 10.0
    cam_weight: float = 1000.0


GENERATORS = {
    "ugatit-light": Generated(True, (32, 40)),
    "ugatit-full": Generated(False, (32, 32), ngf=3),
}
DISCRIMINATORS = {
    "ugatit-global": Judged(7, (96, 128), ndf=1),
    "ugatit-local": Judged(5, (40, 32)),
}
TRAININGS = {
    "ugatit-training-light": Training(True),
    "ugatit-training-full": Training(False, n_res=1),
}


def fill(network: nn.Module, seed: int) -> dict[str, Tensor]:
    """Draw every tensor so that the signal keeps its size, with values that half precision holds exactly.

    Returns:
        A copy of the state dict in half precision.
    """
    random = torch.Generator().manual_seed(seed)
    for key, tensor in network.state_dict().items():
        noise, name = torch.randn(tensor.shape, generator=random), key.rpartition(".")[2]
        if name == "rho":
            drawn = (0.5 + noise).clamp(0, 1)  # some on the bounds, where an update has to be clipped
        elif name in ("weight_u", "weight_v"):
            drawn = noise / noise.norm()
        elif name == "bias" or key.endswith("beta"):
            drawn = 0.2 * noise
        elif name == "gamma":
            drawn = 1 + 0.2 * noise
        else:
            drawn = noise / tensor[0].numel() ** 0.5
        tensor.copy_(drawn.half())
    return {key: value.half().clone() for key, value in network.state_dict().items()}


@torch.no_grad()
def make_generator(case: Generated, authors: Any, seed: int) -> dict[str, Tensor]:
    """The state dict, and what the generator gives: ``golden.image``, ``golden.cam_logit``, ``golden.heatmap``."""
    options = {key: value for key, value in asdict(case).items() if key != "size"}
    network = authors.ResnetGenerator(3, 3, **options).double()
    tensors = fill(network, seed)
    made = zip(("image", "cam_logit", "heatmap"), network(texture(*case.size)), strict=True)
    return tensors | {f"golden.{name}": value.contiguous() for name, value in made}


@torch.no_grad()
def make_discriminator(case: Judged, authors: Any, seed: int) -> dict[str, Tensor]:
    """The state dict, and what the discriminator says at its second look: ``golden.score``, ``golden.cam_logit``."""
    network = authors.Discriminator(3, case.ndf, case.n_layers).double().train()
    tensors = fill(network, seed)
    network(texture(*case.size))
    score, logit, _ = network(texture(*case.size))
    return tensors | {"golden.score": score.contiguous(), "golden.cam_logit": logit}


# --- a training -----------------------------------------------------------------------------------------------------


class Endless:
    """What the authors' loop takes for a data set: an iterator, as in Python 2, that gives one picture for ever."""

    def __init__(self, picture: Tensor) -> None:
        self.picture = picture

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> tuple[Tensor, None]:
        return self.picture, None

    next = __next__


def losses_in(frame: FrameType) -> dict[str, float]:
    """Every loss among the variables of the authors' ``train``, when it prints the sums."""
    found = {name: value for name, value in frame.f_locals.items() if "_loss" in name and isinstance(value, Tensor)}
    return {name: value.item() for name, value in sorted(found.items())}


def make_training(case: Training, module: Any, seed: int) -> tuple[dict[str, Tensor], list[str]]:
    """The weights at the start under the networks' names, ``golden.losses`` with a row a step, and their names.

    ``golden.rho`` is every rho of the generators after the last step, in the order of their keys.
    """
    unused = ("dataset", "print_freq", "save_freq", "result_dir", "benchmark_flag", "resume", "n_dis", "batch_size")
    fixed = {"iteration": 2 * STEPS, "decay_flag": True, "img_ch": 3, "device": "cpu"}
    given = dict.fromkeys(unused, 0) | {"dataset": "", "print_freq": 10**9, "save_freq": 10**9}
    with mock.patch.multiple(module, DataLoader=mock.DEFAULT, print=mock.DEFAULT, create=True):
        model = module.UGATIT(Namespace(**given, **fixed, **asdict(case)))
        model.build_model()
    tensors: dict[str, Tensor] = {}
    for place, name in enumerate(NETWORKS):
        network = getattr(model, name).double()
        tensors |= {f"{name}.{key}": value for key, value in fill(network, seed + place).items()}
    a = texture(case.img_size, case.img_size)
    model.trainA_loader, model.trainB_loader = Endless(a), Endless(a.mT.flip(3))
    rows: list[dict[str, float]] = []

    def print_or_stop(*words: object) -> None:
        if str(words[0]).startswith("["):
            rows.append(losses_in(sys._getframe(1)))
        if len(rows) == STEPS:
            raise StopIteration

    with mock.patch.object(module, "print", print_or_stop, create=True), contextlib.suppress(StopIteration):
        model.train()
    states = [getattr(model, name).state_dict() for name in NETWORKS[:2]]
    rhos = [value.flatten() for state in states for key, value in state.items() if key.endswith("rho")]
    losses = torch.tensor([list(row.values()) for row in rows], dtype=torch.float64)
    return tensors | {"golden.rho": torch.cat(rhos), "golden.losses": losses}, list(rows[0])


def main() -> None:
    """Write every case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    sys.path.insert(0, str(options.checkout))
    for name in ("cv2", "scipy", "scipy.misc", "torchvision", "dataset"):
        sys.modules[name] = mock.MagicMock()
    authors, module = importlib.import_module("networks"), importlib.import_module("UGATIT")
    made: dict[str, tuple[dict[str, Tensor], dict[str, Any]]] = {}
    for seed, (name, case) in enumerate(GENERATORS.items(), start=500):
        made[name] = make_generator(case, authors, seed), asdict(case)
    for seed, (name, case) in enumerate(DISCRIMINATORS.items(), start=600):
        made[name] = make_discriminator(case, authors, seed), asdict(case)
    for seed, (name, case) in enumerate(TRAININGS.items(), start=7):
        tensors, losses = make_training(case, module, 100 * seed)
        made[name] = tensors, asdict(case) | {"losses": losses}
    for name, (tensors, case) in made.items():
        save_file(tensors, options.output / f"{name}.safetensors", {"case": json.dumps(case)})
        print(f"{name}: {sum(t.nbytes for t in tensors.values()):,} bytes")


if __name__ == "__main__":
    main()
