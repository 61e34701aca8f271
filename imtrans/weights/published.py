"""Files that other projects published and that imtrans looks through: networks of metrics and of perceptual losses.

They belong to no model, so they stand on no card. Each is fetched once into ``<cache>/weights/published/`` and held to
the digest that its authors gave it.
"""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from imtrans.cache import cache_root
from imtrans.errors import WeightsError
from imtrans.weights import digests
from imtrans.weights.download import Patience, Progress, download
from imtrans.weights.store import is_offline


@dataclass(frozen=True)
class Published:
    """A file on the web that cannot change without being noticed."""

    name: str
    """For messages: what it is."""
    url: str
    sha256: str
    size: int
    """Bytes."""
    licence: str = ""

    @property
    def file_name(self) -> str:
        """The name that its authors gave it."""
        return PurePosixPath(urllib.parse.urlsplit(self.url).path).name

    @property
    def cached(self) -> Path:
        """Where the file lies once it was fetched, or may be put by hand."""
        return cache_root() / "weights" / "published" / self.file_name

    @property
    def is_here(self) -> bool:
        """Whether no download is needed."""
        return self.cached.is_file()


VGG16 = Published(
    "VGG-16, trained on ImageNet",
    "https://download.pytorch.org/models/vgg16-397923af.pth",
    sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    size=553_433_881,
    licence="BSD-3-Clause",
)
VGG19 = Published(
    "VGG-19, trained on ImageNet",
    "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
    sha256="dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
    size=574_673_361,
    licence="BSD-3-Clause",
)
"""Both are looked through by perceptual losses, and the first by LPIPS."""


def obtain(
    published: Published,
    *,
    offline: bool = False,
    progress: Progress | None = None,
    patience: Patience | None = None,
    option: str | None = "its path",
) -> Path:
    """The file on this machine, downloaded if need be, and always the one that was published.

    Args:
        published: which.
        offline: never download.
        progress: called while downloading; see :data:`imtrans.weights.download.Progress`.
        patience: how long to put up with a bad line.
        option: what to give instead, for the message, such as ``--features FILE``; None where nothing can be given.

    Raises:
        WeightsError: it is not here and cannot be fetched, or it is another file; the message says where to put it.
    """
    path = published.cached
    instead = f", or give {option}." if option else "."
    if path.is_file():
        digests.check_published(path, published.sha256)
        return path
    if offline or is_offline():
        raise WeightsError(
            f"{published.name} ({published.size / 1e6:.0f} MB) is not on this machine, and imtrans is to stay offline.",
            hint=f"Fetch {published.url} elsewhere and put it at {path}{instead}",
        )
    try:
        return download(
            published.url,
            path,
            sha256=published.sha256,
            size=published.size,
            max_size=published.size,
            progress=progress,
            patience=patience,
        )
    except WeightsError as error:
        copy = f"A copy from elsewhere serves as well: put it at {path}{instead}"
        hint = f"{error.hint} {copy}".strip()
        raise WeightsError(f"{published.name} cannot be had: {error.what}", have=error.have, hint=hint) from error
