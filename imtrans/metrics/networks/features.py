"""A network that turns pictures into vectors, behind one name: what FID and KID see pictures through."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from imtrans.card import Ref
from imtrans.errors import ImtransError, UsageError
from imtrans.metrics.networks.files import INCEPTION, blank, fill
from imtrans.metrics.networks.inception import Inception, Resize
from imtrans.weights import digests
from imtrans.weights.download import Progress
from imtrans.weights.published import obtain
from imtrans.weights.reader import read
from imtrans.weights.store import ENDINGS

Extract = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class FeatureNetwork:
    """Pictures (N, 3, H, W), RGB, float from 0 to 1, to features (N, D).

    Attributes:
        extract: the network, or any other function.
        name: for labels; numbers through two networks must never be compared.
        digest: sha256 of its weights, or None for a function without any.
        device: where pictures have to be.
    """

    extract: Extract
    name: str
    digest: str | None = None
    device: str | torch.device = "cpu"

    def __call__(self, pictures: Tensor) -> Tensor:
        """The features, float32 on the CPU.

        Raises:
            ImtransError: what comes out is no such tensor, or holds NaN or infinity.
        """
        with torch.no_grad():
            features = self.extract(pictures.to(self.device))
        if not isinstance(features, Tensor) or features.ndim != 2 or len(features) != len(pictures):
            gave = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
            raise ImtransError(
                f"the feature network {self.name} gave {gave} for {len(pictures)} pictures.",
                have="It has to give a tensor (N, D), a vector for each picture.",
            )
        if not features.isfinite().all():
            raise ImtransError(f"the feature network {self.name} gave values that are no numbers.")
        return features.float().cpu()

    @property
    def label(self) -> str:
        """Name and digest, short."""
        return f"{self.name}, sha256 {self.digest[:8]}" if self.digest else self.name


def load_features(
    source: str = "inception",
    *,
    resize: Resize = "original",
    device: str | torch.device = "cpu",
    offline: bool = False,
    progress: Progress | None = None,
    option: str | None = "--features FILE",
) -> FeatureNetwork:
    """The feature network that ``source`` stands for.

    Args:
        source: ``"inception"`` for FID's own, from the cache or downloaded; the path of a file with that network's
            weights; or ``"module:name"`` for a network of your own: a function, a module, or a class of modules that
            takes no arguments.
        resize: how Inception's pictures get to 299 pixels.
        device: where it computes.
        offline: never download.
        progress: called while downloading.
        option: what gives the file, for the message.

    Raises:
        UsageError: it is none of the three, or cannot be imported.
        WeightsError: the file cannot be had, or holds something else.
    """
    where = torch.device(device)
    if source == "inception":
        return _inception(obtain(INCEPTION, offline=offline, progress=progress, option=option), resize, where)
    path = Path(source).expanduser()
    if path.exists() or source.endswith(ENDINGS):
        return _inception(path, resize, where)
    if ":" in source:
        return _own(source, where)
    raise UsageError(
        f"there is no feature network called {source!r}.",
        have="There are inception, the path of a file with its weights, and MODULE:NAME for one of your own.",
    )


def _inception(path: Path, resize: Resize, device: torch.device) -> FeatureNetwork:
    network = blank(lambda: Inception(resize))
    fill(network, read(path).tensors, path, what=INCEPTION.name)
    digest = digests.sha256_of(path)
    name = "Inception-v3 of 2015-12-05" if digest == INCEPTION.sha256 else f"Inception-v3 from {path.name}"
    return FeatureNetwork(_prepared(network, device), f"{name}, {resize} resize", digest, device)


def _own(source: str, device: torch.device) -> FeatureNetwork:
    try:
        found = Ref(source).load()
        network = found() if isinstance(found, type) else found
    except Exception as error:  # whatever the user's module raises while it is imported
        raise UsageError(
            f"the feature network {source} cannot be loaded: {type(error).__name__}: {error}.",
            hint="MODULE has to be importable; for a file in this folder: PYTHONPATH=. imtrans evaluate ...",
        ) from error
    if not callable(network):
        raise UsageError(f"{source} is a {type(network).__name__}, which cannot be called with pictures.")
    digest = _digest_of(network) if isinstance(network, nn.Module) else None
    return FeatureNetwork(_prepared(network, device), source, digest, device)


def _prepared(network: Extract, device: torch.device) -> Extract:
    return network.to(device).eval().requires_grad_(False) if isinstance(network, nn.Module) else network


def _digest_of(network: nn.Module) -> str | None:
    """sha256 of every tensor's key, shape, type and bytes: two networks of one name can be told apart."""
    digest = hashlib.sha256()
    for key, tensor in sorted(network.state_dict().items()):
        digest.update(f"{key} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest() if network.state_dict() else None
