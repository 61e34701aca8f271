"""Make the golden files of other projects' checkpoints with their own code, which is not part of this project.

    python make_foreign.py cut|mmagic|paddle CHECKOUT [--output FOLDER]

CHECKOUT is a checkout of the project at the commit that README.md names. mmagic needs mmengine and mmcv-lite installed,
PaddleGAN needs paddlepaddle. Only the files of the networks are imported: whatever else their packages would load on
the way is replaced by empty modules.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from make import fill, texture
from safetensors.torch import save_file
from torch import Tensor, nn

SIZES = {"resnet": (16, 20), "unet": (64, 32)}


def packages(root: Path, *names: str) -> None:
    """Let modules below ``root`` be imported without what the ``__init__.py`` above them would import."""
    for name in names:
        module = ModuleType(name)
        module.__path__ = [str(root / name.replace(".", "/"))]
        sys.modules[name] = module


def halved(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A copy in half precision, which holds the drawn values exactly."""
    return {key: (value.half() if value.is_floating_point() else value).clone() for key, value in state.items()}


@torch.no_grad()
def save(path: Path, network: nn.Module, kind: str, seed: int, *, bgr: bool = False, prefix: str = "") -> None:
    """Draw the network's values and write its state dict, and under ``golden.output`` what it makes of the texture."""
    network = network.double()
    fill(network, seed)
    state = halved({prefix + key: value for key, value in network.state_dict().items()})
    picture = texture(*SIZES[kind])
    network.train(kind == "unet")  # norms by the picture, as these projects run pix2pix; no U-Net here has dropout
    output = network(picture.flip(1)).flip(1) if bgr else network(picture)
    save_file(state | {"golden.output": output.contiguous()}, path)


def make_cut(checkout: Path, output: Path) -> None:
    """CUT's residual generator with antialiasing on both ways, on one, and on the other."""
    packages(checkout, "models")
    networks = importlib.import_module("models.networks")
    norm = networks.get_norm_layer("instance")
    for seed, (name, options) in enumerate(
        {
            "cut-antialias": {},
            "cut-antialias-down": {"no_antialias_up": True},
            "cut-antialias-up": {"no_antialias": True},
        }.items()
    ):
        made = networks.ResnetGenerator(3, 3, 2, norm_layer=norm, n_blocks=2, **options)
        filters = {key: value.clone() for key, value in made.state_dict().items() if key.endswith(".filt")}
        _fill_around(made, seed, filters)
        with torch.no_grad():
            made = made.double().eval()
            given = made(texture(*SIZES["resnet"]))
            save_file(halved(made.state_dict()) | {"golden.output": given.contiguous()}, output / f"{name}.safetensors")


def _fill_around(network: nn.Module, seed: int, kept: Mapping[str, Tensor]) -> None:
    """Draw all values but those of the fixed filters."""
    with torch.no_grad():
        fill(network, seed)
        for key, value in network.state_dict().items():
            if key in kept:
                value.copy_(kept[key])


def make_mmagic(checkout: Path, output: Path) -> None:
    """The residual generator of CycleGAN and the U-Net of pix2pix, on BGR, under the keys of a training's file."""
    editors = "mmagic.models.editors"
    names = ("mmagic", "mmagic.models", editors, f"{editors}.cyclegan", f"{editors}.pix2pix")
    packages(checkout, *names)
    from mmengine.registry import MODELS, Registry

    MODELS.register_module("Deconv", module=nn.ConvTranspose2d)  # as mmagic does where it is imported whole
    for name, attributes in (
        ("mmagic.models.utils", {"generation_init_weights": None}),
        ("mmagic.registry", {"MODELS": Registry("model")}),
    ):
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(attributes)
    resnet = importlib.import_module(f"{editors}.cyclegan.cyclegan_generator").ResnetGenerator
    unet = importlib.import_module(f"{editors}.pix2pix.pix2pix_generator").UnetGenerator
    cases: dict[str, tuple[str, Callable[[], nn.Module]]] = {
        "mmagic-cyclegan": ("resnet", lambda: resnet(3, 3, 2, num_blocks=2)),
        "mmagic-cyclegan-dropout": ("resnet", lambda: resnet(3, 3, 2, {"type": "BN"}, use_dropout=True, num_blocks=1)),
        "mmagic-pix2pix": ("unet", lambda: unet(3, 3, 5, 2)),
    }
    for seed, (name, (kind, build)) in enumerate(cases.items()):
        save(output / f"{name}.safetensors", build(), kind, seed, bgr=True, prefix="generators.photo.")


def make_paddle(checkout: Path, output: Path) -> None:
    """PaddleGAN's networks as its trainer saves them, by ``paddle.save``, and what they give."""
    import numpy as np
    import paddle

    packages(checkout, "ppgan", "ppgan.modules", "ppgan.models", "ppgan.models.generators", "ppgan.utils")
    sys.modules["six"] = ModuleType("six")
    resnet = importlib.import_module("ppgan.models.generators.resnet").ResnetGenerator
    unet = importlib.import_module("ppgan.models.generators.unet").UnetGenerator
    trainer_save = importlib.import_module("ppgan.utils.filesystem").save

    def drawn(build: Callable[[], Any], seed: int) -> Any:
        made = build()
        random = np.random.default_rng(seed)
        for key, value in made.state_dict().items():
            layer = key.rpartition(".")[0]
            if key.endswith(".scale") or f"{layer}.scale" in made.state_dict():
                continue  # of an instance norm, where they are frozen
            noise = random.standard_normal(value.shape)
            if len(value.shape) == 4:
                values = noise / (value.shape[1] * value.shape[2] * value.shape[3]) ** 0.5
            elif key.endswith("_variance"):
                values = 1 + 0.5 * np.tanh(noise)
            else:
                values = (1 if key.endswith("weight") else 0) + 0.2 * noise
            value.set_value(values.astype("float32"))
        made.eval()
        return made

    cases: dict[str, tuple[str, Callable[[], Any]]] = {
        "paddle-cyclegan": ("resnet", lambda: resnet(3, 3, 2, n_blocks=1)),
        "paddle-pix2pix": ("unet", lambda: unet(3, 3, 5, 2)),
    }
    for seed, (name, (kind, build)) in enumerate(cases.items()):
        network = drawn(build, seed)
        if kind == "unet":
            paddle.save(network.state_dict(), str(output / f"{name}.pdparams"))
        else:
            nets = {"netG_A": network.state_dict(), "netG_B": drawn(build, seed + 10).state_dict(), "epoch": 1}
            trainer_save(nets, str(output / f"{name}.pdparams"))
        given = network(paddle.to_tensor(texture(*SIZES[kind]).float().numpy())).numpy()
        save_file({"golden.output": torch.from_numpy(given)}, output / f"{name}-output.safetensors")


def main() -> None:
    """Write the files of one project."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    makers = {"cut": make_cut, "mmagic": make_mmagic, "paddle": make_paddle}
    parser.add_argument("project", choices=list(makers))
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    makers[options.project](options.checkout, options.output)


if __name__ == "__main__":
    main()
