"""The domain classifiers of a data set: trained once on its training pictures, then kept.

See :mod:`imtrans.metrics.domain` for what they are. The file's name holds a digest of the settings and of every
training file's name and size, so another data set, or a changed one, has judges of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from imtrans.cache import cache_root
from imtrans.data.folders import domain_pictures
from imtrans.data.picture import read_picture
from imtrans.data.pixels import to_tensor
from imtrans.errors import InputError
from imtrans.metrics.domain import ClassifierConfig, DomainClassifier, prepare, train_classifier
from imtrans.weights import reader, writer

SEES: tuple[Literal["colour", "luminance"], ...] = ("colour", "luminance")

Report = Callable[[str, int, int], None]
"""Called while a judge trains, with what it sees, the step and the number of steps."""


def obtain_judges(
    data: Path, steps: int = 1200, cache: Path | None = None, report: Report = lambda sees, step, steps: None
) -> dict[str, DomainClassifier]:
    """Both classifiers of the pictures in ``trainA`` and ``trainB``, about two minutes of work where none are kept.

    Args:
        data: the folder.
        steps: training steps of each.
        cache: where they are kept; None is ``<cache>/judges``.
        report: see :data:`Report`.

    Raises:
        InputError: there are no training pictures.
    """
    paths = {domain: domain_pictures(data, domain) for domain in ("A", "B")}
    configs = {sees: ClassifierConfig(sees, steps=steps) for sees in SEES}
    files = {sees: _file(cache or cache_root() / "judges", config, paths, data) for sees, config in configs.items()}
    prepared: list[Tensor] = []
    judges: dict[str, DomainClassifier] = {}
    for sees, config in configs.items():
        if not files[sees].is_file():
            prepared = prepared or [_prepared(paths[domain]) for domain in ("A", "B")]
            trained = train_classifier(prepared[0], prepared[1], config, _heard(report, sees, steps))
            writer.save(files[sees], trained.state_dict())
        judges[sees] = DomainClassifier(config)
        judges[sees].load_state_dict(reader.read(files[sees]).tensors)
        judges[sees].eval()
    return judges


def _heard(report: Report, sees: str, steps: int) -> Callable[[int, float], None]:
    return lambda step, loss: report(sees, step, steps)


def _file(cache: Path, config: ClassifierConfig, paths: dict[str, list[Path]], data: Path) -> Path:
    listing = [
        [domain, str(path.relative_to(data)), path.stat().st_size] for domain, files in paths.items() for path in files
    ]
    identity = hashlib.sha256(json.dumps([asdict(config), listing]).encode()).hexdigest()[:16]
    return cache / f"{config.sees}-{identity}.safetensors"


def _prepared(paths: Sequence[Path]) -> Tensor:
    """The pictures that can be read, (N, 3, 80, 80)."""
    pictures = []
    for path in paths:
        try:
            pictures.append(prepare(to_tensor(read_picture(path).image, (0.0, 1.0))[None]))
        except InputError:
            continue  # one damaged file among thousands does not change what a domain looks like
    if not pictures:
        raise InputError(f"none of the {len(paths)} pictures in {paths[0].parent} can be read.")
    return torch.cat(pictures)
