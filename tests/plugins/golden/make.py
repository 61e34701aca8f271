"""Make the golden files of this folder with the authors' own code, which is not part of this project.

    python make.py CHECKOUT --commit ID [--output FOLDER]

CHECKOUT is a checkout of the authors' repository at the commit ID; the cases that name this commit are made.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from unittest import mock

import torch
from safetensors.torch import save_file
from torch import Tensor, nn


@dataclass(frozen=True)
class Case:
    """One network as the authors' constructors take it, and the picture it is tried on."""

    network: str
    """``resnet``, ``unet``, ``patch`` or ``pixel``."""
    width: int
    """ngf or ndf."""
    depth: int
    """Residual blocks, halvings or strided convolutions; no meaning for ``pixel``."""
    norm: str = "instance"
    padding: str = "reflect"
    dropout: bool = False
    size: tuple[int, int] = (16, 20)
    """Height and width of the input."""
    stride: int = 1
    """Every which output pixel is kept, in both directions."""
    commit: str = "c95974f"
    """Of the authors' repository."""
    train: bool = False
    """Tried in train mode."""
    parallel: bool = False
    """Saved from inside a ``DataParallel``."""


# Instance norm kept statistics in 2018, and would use them in eval mode; the authors ran it in train mode.
STATISTICS = "7891385"
# Until August 2017 a convolution before a batch norm had a bias.
BIASES = "c7f7d19"

CASES = {
    "resnet9": Case("resnet", 4, 9),
    "resnet6": Case("resnet", 4, 6),
    "resnet6-dropout": Case("resnet", 2, 6, dropout=True),
    "resnet6-batch": Case("resnet", 2, 6, norm="batch"),
    "resnet6-batch-dropout": Case("resnet", 2, 6, norm="batch", dropout=True),
    "resnet6-none": Case("resnet", 2, 6, norm="none"),
    "resnet6-replicate": Case("resnet", 2, 6, padding="replicate"),
    "resnet6-zero": Case("resnet", 2, 6, padding="zero"),
    "resnet6-zero-dropout": Case("resnet", 2, 6, padding="zero", dropout=True),
    "resnet6-legacy": Case("resnet", 2, 6, commit=STATISTICS, train=True),
    "resnet6-legacy-parallel": Case("resnet", 2, 6, commit=STATISTICS, train=True, parallel=True),
    "resnet6-batch-biases": Case("resnet", 2, 6, norm="batch", commit=BIASES),
    # Odd strides keep output pixels of every phase of the strided and transposed convolutions.
    "unet128-instance": Case("unet", 2, 7, size=(128, 128), stride=7),
    "unet128-none": Case("unet", 2, 7, norm="none", size=(128, 128), stride=7),
    "unet128-instance-dropout": Case("unet", 2, 7, dropout=True, size=(128, 256), stride=11),
    "unet256-batch": Case("unet", 2, 8, norm="batch", size=(256, 256), stride=13),
    "unet256-batch-dropout": Case("unet", 2, 8, norm="batch", dropout=True, size=(256, 256), stride=13),
    "patch3": Case("patch", 4, 3, size=(48, 40)),
    "patch3-batch": Case("patch", 4, 3, norm="batch", size=(48, 40)),
    "patch3-none": Case("patch", 4, 3, norm="none", size=(48, 40)),
    "patch2": Case("patch", 4, 2, size=(48, 40)),
    "patch4": Case("patch", 2, 4, size=(64, 56)),
    "pixel": Case("pixel", 8, 0),
    "pixel-batch": Case("pixel", 8, 0, norm="batch"),
    "pixel-none": Case("pixel", 8, 0, norm="none"),
    # As the authors' test.py runs pix2pix unless it is told --eval.
    "pix2pix-unet128": Case("unet", 2, 7, norm="batch", dropout=True, size=(128, 128), stride=7, train=True),
    "pix2pix-unet256": Case("unet", 2, 8, norm="batch", dropout=True, size=(256, 256), stride=13, train=True),
    "pix2pix-unet512": Case("unet", 1, 9, norm="batch", dropout=True, size=(512, 512), stride=23, train=True),
    "pix2pix-unet256-instance": Case("unet", 2, 8, dropout=True, size=(256, 256), stride=13, train=True),
    "pix2pix-resnet6": Case("resnet", 2, 6, norm="batch", dropout=True, train=True),
    "pix2pix-resnet9-instance": Case("resnet", 2, 9, dropout=True, train=True),
}


def texture(height: int, width: int) -> Tensor:
    """A picture (1, 3, height, width) in [-1, 1), made of integers so that it is the same everywhere and for ever."""
    channel, row, column = torch.meshgrid(*(torch.arange(n) for n in (3, height, width)), indexing="ij")
    mixed = (row * row * 31 + column * column * 17 + row * column * 7 + channel * 89 + row * 3 + column * 5) % 256
    return (mixed.double() / 128 - 1)[None]


@contextlib.contextmanager
def dropout_with(masks: Sequence[Tensor]) -> Iterator[None]:
    """Let each dropout layer that is live keep what the next mask keeps, instead of drawing one."""
    given = iter(masks)

    def dropout(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        return x * next(given).to(x) / (1 - p) if training else x

    with mock.patch("torch.nn.functional.dropout", dropout):
        yield


@contextlib.contextmanager
def recorded_dropout(seed: int) -> Iterator[list[Tensor]]:
    """Draw the masks of live dropout layers from ``seed``, and hand them out in their order."""
    random, masks = torch.Generator().manual_seed(seed), []

    def dropout(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if not training:
            return x
        masks.append((torch.rand(x.shape, generator=random) >= p).to(torch.uint8))
        return x * masks[-1] / (1 - p)

    with mock.patch("torch.nn.functional.dropout", dropout):
        yield masks


def read_authors(checkout: Path) -> ModuleType:
    """The authors' ``models/networks.py`` as a module."""
    spec = importlib.util.spec_from_file_location("authors_networks", checkout / "models" / "networks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(case: Case, authors: ModuleType) -> nn.Module:
    """The network by the authors' constructors."""
    norm = authors.get_norm_layer(norm_type=case.norm)
    if case.network == "resnet":
        options = {"norm_layer": norm, "use_dropout": case.dropout, "padding_type": case.padding}
        network = authors.ResnetGenerator(3, 3, case.width, n_blocks=case.depth, **options)
    elif case.network == "unet":
        network = authors.UnetGenerator(3, 3, case.depth, case.width, norm, case.dropout)
    elif case.network == "patch":
        network = authors.NLayerDiscriminator(3, case.width, case.depth, norm)
    else:
        network = authors.PixelDiscriminator(3, case.width, norm)
    made: nn.Module = network
    return made


def fill(network: nn.Module, seed: int) -> None:
    """Draw every tensor so that the signal keeps its size, with values that half precision holds exactly."""
    random = torch.Generator().manual_seed(seed)
    for key, tensor in network.state_dict().items():
        if not tensor.is_floating_point():
            continue
        noise = torch.randn(tensor.shape, generator=random)
        if tensor.dim() == 4:
            drawn = noise * (1 / (tensor.shape[1] * tensor.shape[2] * tensor.shape[3])) ** 0.5
        elif key.endswith("running_var"):
            drawn = 1 + 0.5 * noise.tanh()
        elif key.endswith("weight"):
            drawn = 1 + 0.2 * noise
        else:
            drawn = 0.2 * noise
        tensor.copy_(drawn.half())


@torch.no_grad()
def make(case: Case, authors: ModuleType, seed: int) -> dict[str, Tensor]:
    """The authors' state dict in half precision, and under ``golden.output`` what the network makes of the texture.

    The masks of live dropout layers stand under ``golden.mask.00`` and so on, in their order.
    """
    network = build(case, authors).double()
    fill(network, seed)
    state = nn.DataParallel(network).state_dict() if case.parallel else network.state_dict()
    tensors = {key: (value.half() if value.is_floating_point() else value).clone() for key, value in state.items()}
    network.train(case.train)
    with recorded_dropout(seed) as masks:
        output = network(texture(*case.size))
    tensors |= {f"golden.mask.{place:02}": mask for place, mask in enumerate(masks)}
    return tensors | {"golden.output": output[..., :: case.stride, :: case.stride].contiguous()}


def main() -> None:
    """Write the cases of one commit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--commit", choices=sorted({case.commit for case in CASES.values()}), required=True)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    parser.add_argument("--only", default="", help="the cases whose names start with this")
    options = parser.parse_args()
    authors = read_authors(options.checkout)
    for seed, (name, case) in enumerate(CASES.items()):
        if case.commit != options.commit or not name.startswith(options.only):
            continue
        tensors = make(case, authors, seed)
        save_file(tensors, options.output / f"{name}.safetensors", {"case": json.dumps(asdict(case))})
        spread = tensors["golden.output"].std().item()
        print(f"{name}: {sum(t.nbytes for t in tensors.values()):,} bytes, output with a deviation of {spread:.3f}")


if __name__ == "__main__":
    main()
