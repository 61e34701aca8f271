"""VGG networks with the weights that ImageNet gave them, from a file or from their authors' server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from imtrans.errors import WeightsError
from imtrans.nn.vgg import VGG, Depth
from imtrans.weights.download import Progress
from imtrans.weights.published import VGG16, VGG19, Published, obtain
from imtrans.weights.reader import read

FILES: Mapping[Depth, Published] = {16: VGG16, 19: VGG19}


def load_vgg(
    depth: Depth,
    layers: Iterable[str],
    weights: str | Path | None = None,
    *,
    offline: bool = False,
    progress: Progress | None = None,
) -> VGG:
    """A frozen VGG in eval mode, on the CPU.

    Args:
        depth: 16 or 19.
        layers: those to look at, by :func:`imtrans.nn.vgg.layer_names`.
        weights: a file with torchvision's keys (``.pth`` or ``.safetensors``; the classifier may be missing); None for
            the published one, from the cache or downloaded (about 550 MB) once.
        offline: never download.
        progress: called while downloading; see :data:`imtrans.weights.download.Progress`.

    Raises:
        WeightsError: the file cannot be had or read, or holds another network.
        UsageError: there is no such depth or layer.
    """
    layers = tuple(layers)
    _shell(depth, layers)  # a wrong name is better told before half a gigabyte is fetched
    path = Path(weights).expanduser() if weights else obtain(FILES[depth], offline=offline, progress=progress)
    tensors = read(path).tensors
    network = _shell(depth, layers, _width(tensors, depth, path))
    expected = network.state_dict()
    for key, tensor in expected.items():
        if key not in tensors or tensors[key].shape != tensor.shape:
            found = str(tuple(tensors[key].shape)) if key in tensors else "missing"
            raise _another(depth, path, f"{key} is {found}, not {tuple(tensor.shape)}")
    network.load_state_dict({key: tensors[key].float() for key in expected}, assign=True)
    return network.requires_grad_(False).eval()


def _shell(depth: Depth, layers: tuple[str, ...], width: int = 64) -> VGG:
    """The network without numbers: drawing 20 million of them takes longer than reading them."""
    with torch.device("meta"):
        return VGG(depth, layers, width)


def _width(tensors: Mapping[str, Tensor], depth: Depth, path: Path) -> int:
    first = tensors.get("features.0.weight")
    if first is None or first.dim() != 4:
        raise _another(depth, path, "it has no features.0.weight")
    return len(first)


def _another(depth: Depth, path: Path, wrong: str) -> WeightsError:
    return WeightsError(
        f"{path} does not hold a VGG-{depth} with torchvision's keys: {wrong}.",
        have=f"The published file is {FILES[depth].url}.",
        hint="Give that file's path, or none to fetch it.",
    )
