"""The published files of the networks that metrics look through, and how one is filled from its file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from imtrans.errors import WeightsError
from imtrans.weights.published import Published

Network = TypeVar("Network", bound=nn.Module)

INCEPTION = Published(
    "the Inception network of FID and KID",
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    size=95_628_359,
    licence="Apache-2.0",
)
ALEXNET = Published(
    "the AlexNet of LPIPS",
    "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    size=244_408_911,
    licence="BSD-3-Clause",
)


def blank(build: Callable[[], Network]) -> Network:
    """A network without numbers, on the CPU: drawing millions that a file replaces takes longer than reading them."""
    with torch.device("meta"):
        network = build()
    return network.to_empty(device="cpu")


def fill(network: nn.Module, tensors: Mapping[str, Tensor], path: Path, *, what: str) -> None:
    """Copy a file's tensors into a network; what the network lacks is left, what the file lacks is an error.

    Args:
        network: to be filled, in place.
        tensors: by key, as :func:`imtrans.weights.reader.read` gives them.
        path: the file, for the message.
        what: the network's name, for the message.

    Raises:
        WeightsError: the file holds another network.
    """
    # Files from before torch 0.4.1 do not count batches, and evaluation never asks how many there were.
    expected = {key: value for key, value in network.state_dict().items() if not key.endswith("num_batches_tracked")}
    missing = [key for key in expected if key not in tensors]
    differing = [key for key in expected if key in tensors and tensors[key].shape != expected[key].shape]
    if missing or differing:
        wrong = (
            f"it lacks {len(missing)} of its {len(expected)} tensors ({missing[0]} first)"
            if missing
            else f"{differing[0]} is {tuple(tensors[differing[0]].shape)}, not {tuple(expected[differing[0]].shape)}"
        )
        raise WeightsError(f"{path} does not hold {what}: {wrong}.", hint="Leave the option out to fetch the file.")
    network.load_state_dict({key: tensors[key] for key in expected}, strict=False)
