"""What a plugin declares: a :class:`Card`. Standard library only, so listing plugins never imports torch.

A plugin is a Card; a Card names a Method that learns, and yields a Translator that works.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

API = 1
"""The major version of the contract between imtrans and its plugins."""

PRECISIONS = ("fp32", "bf16", "fp16")
"""What a card may list, most exact first."""

# Names reach the command line, folders and cache files, so they hold nothing that a shell or a path would read.
_MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_WEIGHTS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Ref:
    """A lazy reference, written ``"package.module:attribute"``; nothing is imported before :meth:`load`."""

    target: str

    def __post_init__(self) -> None:
        module, colon, attribute = self.target.partition(":")
        if not (module and colon and attribute):
            raise ValueError(f"a reference is written 'package.module:attribute', not {self.target!r}")

    def load(self) -> Any:
        """Import the module and return the attribute (``ImportError`` and ``AttributeError`` pass through)."""
        module, _, attribute = self.target.partition(":")
        found: Any = importlib.import_module(module)
        for name in attribute.split("."):
            found = getattr(found, name)
        return found


@dataclass(frozen=True)
class Weights:
    """A checkpoint that goes by a name: shipped inside the plugin's package, or downloaded once into the cache."""

    name: str
    summary: str
    """One line for tables: what the weights turn into what."""
    licence: str
    """The terms of the weights, which are seldom those of the code."""
    file: str | None = None
    """Path inside the plugin's package (``"weights/x.safetensors"``), for shipped weights."""
    url: str | None = None
    """Where the authors publish the file, for downloaded weights."""
    sha256: str | None = None
    """Lower-case hexadecimal digest of the file; None when the authors published none and nobody could take it yet."""
    size: int | None = None
    """Size of the file in bytes, where known."""
    max_size: int = 1 << 30
    """A download that grows past this many bytes is refused."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Network settings that the file's keys and shapes cannot tell (say, the padding); they override the recogniser."""

    def __post_init__(self) -> None:
        if not _WEIGHTS_NAME.fullmatch(self.name):
            raise ValueError(f"weights are named with letters, digits, '.', '_' and '-', not {self.name!r}")
        if (self.file is None) == (self.url is None):
            raise ValueError(f"weights {self.name!r} need either a file in the package or a url")
        if self.file is not None and (self.file.startswith("/") or ".." in self.file.split("/")):
            raise ValueError(f"weights {self.name!r}: the file {self.file!r} must lie inside the package")
        if self.url is not None and not self.url.startswith(("https://", "http://")):
            raise ValueError(f"weights {self.name!r}: the url {self.url!r} must start with https://")
        if self.sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise ValueError(f"weights {self.name!r}: sha256 is 64 lower-case hexadecimal digits, not {self.sha256!r}")


@dataclass(frozen=True)
class Card:
    """Everything imtrans knows about a model before it imports the model's code.

    The references point at::

        network_config   a frozen dataclass with the hyper-parameters of the network that runs
        build            (network_config) -> torch.nn.Module that runs; its state-dict keys are the authors'
        recognise        ({key: shape}) -> network_config | None: what a checkpoint holds, from keys and shapes alone
        convert          ({key: tensor}) -> ({key: tensor}, settings, note) | None: brings a checkpoint in another
                         project's layout to the authors' keys, with settings of network_config that it tells besides
        method           a subclass of imtrans.train.method.Method, or None for a model that is only run
        method_config    the frozen dataclass that the method is built from
    """

    name: str
    """As typed on the command line: ``imtrans run NAME``."""
    summary: str
    """One line for tables."""
    network_config: Ref
    build: Ref
    recognise: Ref
    convert: Ref | None = None
    method: Ref | None = None
    method_config: Ref | None = None
    weights: tuple[Weights, ...] = ()
    default_weights: str | None = None
    """The name that ``imtrans run NAME`` takes when ``--weights`` is not given."""

    task: Literal["translate", "generate"] = "translate"
    """What the network does: translate pictures (``imtrans run``), or generate them from random numbers
    (``imtrans generate``); then it is a :class:`imtrans.nn.generative.GenerativeNetwork`."""
    paper: str = ""
    """Authors, title, venue, year, link."""
    licence: str = "Apache-2.0"
    """Licence of the plugin's code."""

    value_range: tuple[float, float] = (-1.0, 1.0)
    """What black and white are for the network, in all pictures that it takes and gives."""
    channels: Literal["RGB", "BGR", "L"] = "RGB"
    """Channel order that the network expects and gives."""
    scale: int = 1
    """Output pixels per input pixel and direction."""
    norm_at_inference: Literal["eval", "train"] = "eval"
    """Whether the authors run their normalisation and dropout layers in eval or in train mode."""
    precisions: tuple[str, ...] = ("fp32", "bf16", "fp16")
    """Precisions in which the network gives sound pictures."""
    default_network: str | None = None
    """Which network of a file that holds several is the one to run, unless the user names another."""
    api: int = API

    def __post_init__(self) -> None:
        if self.api == API:  # another major may mean other things by these fields; the registry refuses it in words
            self._check_names()
            self._check_descriptor()

    def _check_names(self) -> None:
        if not _MODEL_NAME.fullmatch(self.name):
            raise ValueError(f"a model is named with lower-case letters, digits, '_' and '-', not {self.name!r}")
        for field_name in ("network_config", "build", "recognise", "convert", "method", "method_config"):
            reference = getattr(self, field_name)
            optional = field_name in ("convert", "method", "method_config")
            if not isinstance(reference, Ref) and not (reference is None and optional):
                raise ValueError(f"{field_name} must be a Ref, not {reference!r}")
        if (self.method is None) != (self.method_config is None):
            raise ValueError("method and method_config come together")
        names = [weights.name for weights in self.weights]
        if len(set(names)) != len(names):
            raise ValueError(f"two weights share a name: {', '.join(sorted(names))}")
        if self.default_weights is not None and self.default_weights not in names:
            raise ValueError(
                f"default_weights {self.default_weights!r} are none of: {', '.join(names) or 'no weights'}"
            )

    def _check_descriptor(self) -> None:
        unknown = [precision for precision in self.precisions if precision not in PRECISIONS]
        if unknown or "fp32" not in self.precisions:
            raise ValueError(f"precisions are fp32 and any of {', '.join(PRECISIONS[1:])}, not {self.precisions}")
        low, high = self.value_range
        if not low < high:
            raise ValueError(f"value_range is (black, white) with black below white, not {self.value_range}")
        if self.channels not in ("RGB", "BGR", "L"):
            raise ValueError(f"channels are 'RGB', 'BGR' or 'L', not {self.channels!r}")
        if self.norm_at_inference not in ("eval", "train"):
            raise ValueError(f"norm_at_inference is 'eval' or 'train', not {self.norm_at_inference!r}")
        if self.task not in ("translate", "generate"):
            raise ValueError(f"task is 'translate' or 'generate', not {self.task!r}")
        if self.scale < 1:
            raise ValueError(f"scale is at least 1, not {self.scale}")

    @property
    def package(self) -> str:
        """The package that holds the model's code, its shipped weights and its README."""
        module = self.network_config.target.partition(":")[0]
        return module.rpartition(".")[0] or module

    def find_weights(self, name: str) -> Weights | None:
        """The named weights of this card, or None."""
        return next((weights for weights in self.weights if weights.name == name), None)
