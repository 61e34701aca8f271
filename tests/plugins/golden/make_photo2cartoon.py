"""Make the golden files of photo2cartoon with the authors' own code, which is not part of this project.

    python make_photo2cartoon.py CHECKOUT [--output FOLDER]

CHECKOUT is a checkout of the authors' repository at the commit that README.md names. Its training module imports
torchvision, OpenCV and SciPy for pictures and grids, none of which takes part here; they are replaced by nothing.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import torch
from make import texture
from photo2cartoon_parts import Embedding, drawn
from safetensors.torch import save_file
from torch import Tensor, nn

UNUSED = ("cv2", "scipy", "torchvision", "tensorflow", "face_alignment", "utils", "dataset")
STEPS = 2
"""Training steps, of which each depends on the updates of those before."""


@dataclass(frozen=True)
class Case:
    """A generator as the authors' constructor takes it, and the picture that it is tried on."""

    ngf: int
    light: bool
    img_size: int
    size: tuple[int, int]
    stride: int
    """Every which output pixel is kept, in both directions."""
    seed: int


# Normalisations of small maps amplify rounding, and some seeds do so badly: the authors' own float32 is off by 1e-3.
CASES = {
    "photo2cartoon-light": Case(4, True, 256, (64, 80), 3, 1),
    "photo2cartoon-light8": Case(8, True, 256, (32, 48), 3, 2),
    "photo2cartoon-full": Case(4, False, 64, (64, 64), 3, 7),
}


@dataclass(frozen=True)
class Training:
    """A training as the authors' command line describes it."""

    size: int = 96
    """Side of the pictures: ``texture`` is A, and its mirror image with rows and columns exchanged is B."""
    ch: int = 4
    ndf: int = 1
    lr: float = 0.002
    adv_weight: int = 1
    cycle_weight: int = 50
    identity_weight: int = 10
    cam_weight: int = 1000
    faceid_weight: int = 1


def authors_modules(checkout: Path) -> tuple[ModuleType, ModuleType, ModuleType]:
    """``networks``, ``UGATIT_sadalin_hourglass`` and ``face_features``."""
    sys.path.insert(0, str(checkout))
    with mock.patch.dict(sys.modules, {name: mock.MagicMock(__all__=[]) for name in UNUSED}):
        names = ("networks", "UGATIT_sadalin_hourglass", "face_features")
        networks, training, faces = (importlib.import_module(f"models.{name}") for name in names)
    return networks, training, faces


def filled(network: nn.Module, seed: int) -> dict[str, list[int]]:
    """Fill a network of the authors, in float64; gives the shapes of its state dict, in its order."""
    shapes = {key: list(value.shape) for key, value in network.state_dict().items()}
    network.double().load_state_dict(drawn(shapes, seed))
    return shapes


def output(case: Case, networks: ModuleType) -> tuple[dict[str, Tensor], dict[str, list[int]]]:
    """What a generator gives, and its keys and shapes."""
    network = networks.ResnetGenerator(ngf=case.ngf, img_size=case.img_size, light=case.light)
    shapes = filled(network, case.seed)
    with torch.no_grad():
        image, logits, heatmap = network.eval()(texture(*case.size))
    image = image[..., :: case.stride, :: case.stride].contiguous()
    return {"image": image, "cam_logit": logits, "heatmap": heatmap}, shapes


class Loader:
    """A data loader that always gives one batch, to a loop that asks for ``next`` as Python 2 did."""

    def __init__(self, pictures: Tensor) -> None:
        self.batch = (pictures, 0)

    def __iter__(self) -> Loader:
        return self

    def __next__(self) -> tuple[Tensor, int]:
        return self.batch

    next = __next__


def recorded(loss: Callable[..., Tensor], into: list[float]) -> Callable[..., Tensor]:
    """The loss, which notes what it gives."""

    def call(*arguments: Tensor) -> Tensor:
        value = loss(*arguments)
        into.append(value.sum().item())
        return value

    return call


def losses(training: Training, modules: tuple[ModuleType, ModuleType, ModuleType]) -> tuple[Tensor, dict[str, Any]]:
    """Every loss of the authors' loop, a row a step: MSE (24), L1 (4), BCE (4), faces (2); and all shapes."""
    networks, module, faces = modules
    gan = object.__new__(module.UgatitSadalinHourglass)
    options = {"device": "cpu", "gpu_ids": [0], "resume": False, "pretrained_weights": "", "decay_flag": False}
    for name, value in {**asdict(training), **options, "iteration": STEPS, "print_freq": 99, "save_freq": 99}.items():
        setattr(gan, name, value)
    shapes = {}
    for place, name in enumerate(("genA2B", "genB2A", "disGA", "disGB", "disLA", "disLB")):
        if name.startswith("gen"):
            network = networks.ResnetGenerator(training.ch, training.size, True)
        else:
            network = networks.Discriminator(3, training.ndf, 7 if name[3] == "G" else 5)
        shapes[name] = filled(network, 10 + place)
        setattr(gan, name, network)
    generators = [*gan.genA2B.parameters(), *gan.genB2A.parameters()]
    judges = [each for name in shapes if name.startswith("dis") for each in getattr(gan, name).parameters()]
    gan.G_optim, gan.D_optim = (
        torch.optim.Adam(each, lr=training.lr, betas=(0.5, 0.999), weight_decay=0.0001) for each in (generators, judges)
    )
    gan.Rho_clipper, gan.W_Clipper = module.RhoClipper(0, 1.0), module.WClipper(0, 1.0)
    a = texture(training.size, training.size)
    gan.trainA_loader, gan.trainB_loader = Loader(a), Loader(a.mT.flip(3))
    gan.facenet = object.__new__(faces.FaceFeatures)
    gan.facenet.model = Embedding()
    found: dict[str, list[float]] = {"MSE": [], "L1": [], "BCE": [], "faces": []}
    gan.MSE_loss, gan.L1_loss = recorded(nn.MSELoss(), found["MSE"]), recorded(nn.L1Loss(), found["L1"])
    gan.BCE_loss = recorded(nn.BCEWithLogitsLoss(), found["BCE"])
    gan.facenet.cosine_distance = recorded(gan.facenet.cosine_distance, found["faces"])
    gan.train()
    rows = [torch.tensor(values, dtype=torch.float64).reshape(STEPS, -1) for values in found.values()]
    return torch.cat(rows, dim=1), shapes


def main() -> None:
    """Write every case and the training."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    modules = authors_modules(arguments.checkout)
    for name, case in CASES.items():
        tensors, shapes = output(case, modules[0])
        told = {"case": json.dumps(asdict(case)), "shapes": json.dumps(shapes)}
        save_file(tensors, arguments.output / f"{name}.safetensors", told)
        print(f"{name}: output with a deviation of {tensors['image'].std().item():.3f}")
    rows, all_shapes = losses(Training(), modules)
    told = {"case": json.dumps(asdict(Training())), "shapes": json.dumps(all_shapes)}
    save_file({"losses": rows}, arguments.output / "photo2cartoon-training.safetensors", told)
    print(rows)


if __name__ == "__main__":
    main()
