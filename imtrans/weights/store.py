"""A name or a path -> a file on this machine.

Shipped weights lie inside their plugin's package. Downloaded ones lie in the cache::

    <cache>/weights/<model>/<name>.<ending of the URL>

where the cache is ``$IMTRANS_CACHE``, else ``$XDG_CACHE_HOME/imtrans``, else ``~/.cache/imtrans``. A file that is put
there by hand counts as downloaded. ``IMTRANS_OFFLINE=1`` keeps imtrans off the network.
"""

from __future__ import annotations

import importlib
import importlib.resources
import os
import re
import urllib.parse
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from imtrans.cache import cache_root
from imtrans.card import Card, Weights
from imtrans.errors import PluginError, UnknownNameError, WeightsError, did_you_mean
from imtrans.weights import digests
from imtrans.weights.download import Patience, Progress, download
from imtrans.weights.folders import translator_in

ENDINGS = (".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".pkl")


class UnknownWeightsError(WeightsError, UnknownNameError):
    """What was given is neither the name of weights nor a file."""


@dataclass(frozen=True)
class Located:
    """A weights file on this machine."""

    path: Path
    name: str
    """The name it goes by, or the file's own name where it has none."""
    weights: Weights | None = None
    """The card's entry, for named weights."""
    network: str | None = None
    """Which of several networks in the file is meant (what follows ``#`` in ``run.pth#netG_A``)."""
    notes: tuple[str, ...] = ()
    """What a user should know of where the file came from."""


def locate(
    card: Card,
    source: str | Path | None,
    *,
    offline: bool = False,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> Located:
    """The file that ``source`` stands for, downloaded if need be and verified if it goes by a name.

    Args:
        card: the model's card.
        source: the name of weights on the card; a path, which may be the folder of a training run or of a checkpoint,
            also with a direction after a ``#``; or None for the card's default weights.
        offline: never download.
        progress: called while downloading; see :data:`imtrans.weights.download.Progress`.
        patience: how long to put up with a bad line.

    Raises:
        UnknownWeightsError: ``source`` is neither a name nor a file.
        AmbiguousWeightsError: the folder holds several networks that translate, or is none of imtrans.
        WeightsError: the file cannot be had, or is not the one that was published.
        PluginError: the card promises a file that its package does not have.
    """
    if source is None:
        source = _default(card)
    if isinstance(source, str) and (weights := card.find_weights(source)) is not None:
        if weights.file is not None:
            return _shipped(card, weights)
        return _fetched(card, weights, offline=offline or is_offline(), progress=progress, patience=patience)
    return _from_path(card, source)


def is_here(card: Card, weights: Weights) -> bool:
    """Whether the named ``weights`` can be used without a download."""
    return weights.file is not None or cached_path(card, weights).is_file()


def is_offline() -> bool:
    """Whether the environment keeps imtrans off the network."""
    return os.environ.get("IMTRANS_OFFLINE", "").strip().lower() in ("1", "true", "yes", "on")


def cached_path(card: Card, weights: Weights) -> Path:
    """Where the downloaded ``weights`` lie, or would lie; a card's names are safe as names of files."""
    ending = PurePosixPath(urllib.parse.urlsplit(weights.url or "").path).suffix
    return cache_root() / "weights" / card.name / (weights.name + (ending if ending in ENDINGS else ".pth"))


# --- the three places -----------------------------------------------------------------------------------------------


def _default(card: Card) -> str:
    if card.default_weights is None:
        raise WeightsError(
            f"the model {card.name!r} comes without default weights.", have=_names(card), hint="Give a name or a file."
        )
    return card.default_weights


def _shipped(card: Card, weights: Weights) -> Located:
    path = _package_folder(card).joinpath(*PurePosixPath(weights.file or "").parts)
    if not path.is_file():
        raise PluginError(
            f"the plugin of {card.name!r} promises the weights {weights.name!r} in {path}, and there is no such file.",
            hint="Install the plugin again.",
        )
    if weights.sha256 is not None:
        digests.check_published(path, weights.sha256)
    return Located(path, weights.name, weights)


def _package_folder(card: Card) -> Path:
    """The folder of the package that the card's network configuration is defined in."""
    module = importlib.import_module(card.network_config.target.partition(":")[0])
    package = module.__name__ if hasattr(module, "__path__") else module.__package__
    if package:
        folder = importlib.resources.files(package)
        if isinstance(folder, Path):
            return folder
    if module.__file__ is None or not Path(module.__file__).exists():
        raise PluginError(f"the plugin of {card.name!r} is not installed as a folder, so its weights cannot be read.")
    return Path(module.__file__).parent


def _fetched(
    card: Card, weights: Weights, *, offline: bool, progress: Progress | None, patience: Patience | None
) -> Located:
    path = cached_path(card, weights)
    if not path.is_file():
        if offline:
            raise _unavailable(card, weights, path)
        try:
            download(
                weights.url or "",
                path,
                sha256=weights.sha256,
                size=weights.size,
                max_size=weights.max_size,
                progress=progress,
                patience=patience,
            )
        except WeightsError as error:
            hint = f"{error.hint} {_by_hand(path)}".strip()
            raise WeightsError(error.what, have=error.have, hint=hint) from error
    if weights.sha256 is not None:
        digests.check_published(path, weights.sha256)
        return Located(path, weights.name, weights)
    return Located(path, weights.name, weights, notes=(digests.check_recorded(path),))


def _from_path(card: Card, source: str | Path) -> Located:
    path, network = Path(source).expanduser(), None
    if isinstance(source, str) and re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", source):
        raise WeightsError(
            f"{source} is a web address, and imtrans downloads only what a plugin names.",
            hint="Such an address tells neither size nor digest nor licence. Download it yourself and give the path.",
        )
    if not path.exists() and "#" in str(source):
        base, _, network = str(source).rpartition("#")
        path = Path(base).expanduser()
    if source == "" or not path.exists():
        raise _unknown(card, str(source))
    if path.is_dir():
        file = translator_in(path, network)
        return Located(file, f"{path.name}/{file.relative_to(path).as_posix()}")
    return Located(path, path.name, network=network)


# --- words ----------------------------------------------------------------------------------------------------------


def _names(card: Card) -> str:
    return f"Weights of {card.name}: {', '.join(weights.name for weights in card.weights) or 'none'}."


def _unknown(card: Card, source: str) -> UnknownWeightsError:
    looks_like_path = "/" in source or os.sep in source or source.endswith(ENDINGS)
    what = f"there is no weights file {source}." if looks_like_path else f"there are no weights called {source!r}."
    guess = did_you_mean(Path(source).stem, [weights.name for weights in card.weights])
    return UnknownWeightsError(
        what,
        have=f"{_names(card)} {guess}".strip(),
        hint=f"Give one of these names or the path of a checkpoint. See 'imtrans models show {card.name}'.",
    )


def _unavailable(card: Card, weights: Weights, path: Path) -> WeightsError:
    here = [one.name for one in card.weights if one.name != weights.name and is_here(card, one)]
    return WeightsError(
        f"the weights {weights.name!r} are not on this machine, and imtrans is told to stay offline.",
        have=f"On this machine: {', '.join(here)}." if here else "",
        hint=f"{_by_hand(path, weights.url)} Or go online: unset IMTRANS_OFFLINE.",
    )


def _by_hand(path: Path, url: str | None = None) -> str:
    fetch = f"Fetch {url} on another machine" if url else "A copy from elsewhere serves as well: put it"
    return f"{fetch}{' and put it' if url else ''} at {path}, or anywhere and give its path as the weights."
