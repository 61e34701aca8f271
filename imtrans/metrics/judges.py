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

import torch
from torch import Tensor

from imtrans.cache import cache_root
from imtrans.data.folders import domain_pictures
from imtrans.data.picture import read_picture
from imtrans.data.pixels import to_tensor
from imtrans.errors import InputError
from imtrans.metrics.domain import ClassifierConfig, DomainClassifier, prepare, train_classifier
from imtrans.weights import reader, writer

JUDGES = (ClassifierConfig("colour", steps=1200), ClassifierConfig("luminance", steps=1200))

Report = Callable[[str, int, int], None]
"""Called while a judge trains, with what it sees, the step and the number of steps."""


def obtain_judges(
    data: Path,
    configs: Sequence[ClassifierConfig] = JUDGES,
    cache: Path | None = None,
    report: Report = lambda sees, step, steps: None,
) -> dict[str, DomainClassifier]:
    """Classifiers of the pictures in ``trainA`` and ``trainB`` by what they see.

    Where none are kept, the usual two take about two minutes on two CPU cores.

    Args:
        data: the folder.
        configs: what each sees, and how long it trains.
        cache: where they are kept; None is ``<cache>/judges``.
        report: see :data:`Report`.

    Raises:
        InputError: there are no training pictures.
    """
    paths = {domain: domain_pictures(data, domain) for domain in ("A", "B")}
    prepared: list[Tensor] = []
    judges: dict[str, DomainClassifier] = {}
    for config in configs:
        file = _file(cache or cache_root() / "judges", config, paths, data)
        if not file.is_file():
            prepared = prepared or [_prepared(paths[domain]) for domain in ("A", "B")]
            trained = train_classifier(prepared[0], prepared[1], config, _heard(report, config))
            writer.save(file, trained.state_dict())
        judges[config.sees] = DomainClassifier(config).eval()
        judges[config.sees].load_state_dict(reader.read(file).tensors)
    return judges


def _heard(report: Report, config: ClassifierConfig) -> Callable[[int, float], None]:
    return lambda step, loss: report(config.sees, step, config.steps)


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
