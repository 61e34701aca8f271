"""The whole configuration of a training run: what ``config.toml`` holds and ``--set`` changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imtrans import config
from imtrans.card import Card
from imtrans.data.augmentation import Augmentation
from imtrans.errors import ConfigError, did_you_mean
from imtrans.train.config import TrainConfig
from imtrans.train.setting_names import check_key

SECTIONS = ("train", "augmentation", "method")


@dataclass(frozen=True)
class RunConfig:
    """Everything that a run depends on but the device; enough to run again."""

    model: str
    data: str
    """The folder with the pictures."""
    train: TrainConfig
    augmentation: Augmentation
    method: Any
    """An instance of the card's ``method_config``."""

    @staticmethod
    def defaults(card: Card, data: str = "") -> RunConfig:
        """The settings of the model's authors."""
        assert card.method is not None
        assert card.method_config is not None
        augmentation = card.method.load().augmentation
        return RunConfig(card.name, data, TrainConfig(), augmentation, card.method_config.load()())

    @staticmethod
    def read(path: Path, card: Card) -> RunConfig:
        """The configuration in a ``config.toml``, checked key by key.

        Raises:
            ConfigError: the file is missing, no TOML, of another model, or has unknown keys or wrong values.
        """
        assert card.method is not None
        assert card.method_config is not None
        table = config.read_toml(path)
        known = ("model", "data", *SECTIONS)
        if unknown := [name for name in table if name not in known]:
            raise ConfigError(
                f"{path} has an unknown key {unknown[0]!r}.",
                have=f"It may have {', '.join(known)}. {did_you_mean(unknown[0], known)}".strip(),
                hint="The config.toml of any run shows how it is written.",
            )
        model, data = table.get("model", card.name), table.get("data", "")
        if model != card.name or not isinstance(data, str):
            raise ConfigError(
                f"{path} is about the model {model!r}, not {card.name!r}."
                if model != card.name
                else f"{path}: data must be a string, not {data!r}.",
                hint=f"Type: imtrans train {model} …" if model != card.name else 'Write data = "FOLDER".',
            )
        kinds = {"train": TrainConfig, "augmentation": Augmentation, "method": card.method_config.load()}
        authors = {"augmentation": config.to_dict(card.method.load().augmentation)}
        try:
            parts = {
                name: _section(kind, table.get(name, {}), authors.get(name, {}), name) for name, kind in kinds.items()
            }
        except ConfigError as error:
            raise ConfigError(f"{path}: {error.what}", have=error.have, hint=error.hint) from error
        return RunConfig(card.name, data, **parts)

    def override(self, settings: list[str]) -> RunConfig:
        """Apply ``key=value`` settings: ``train.…`` and ``augmentation.…`` by that name, all else is the method's.

        Raises:
            ConfigError: no such setting, or no such value.
        """
        sections = {section: getattr(self, section) for section in SECTIONS}
        grouped: dict[str, list[str]] = {section: [] for section in SECTIONS}
        for setting in settings:
            check_key(setting, self.model, sections)
            section, dot, rest = setting.partition(".")
            if dot and section.strip() in SECTIONS:
                grouped[section.strip()].append(rest)
            else:
                grouped["method"].append(setting)
        parts = {section: config.override(sections[section], group) for section, group in grouped.items()}
        return RunConfig(self.model, self.data, **parts)

    def to_toml(self) -> str:
        """The text of ``config.toml``."""
        sections = {name: getattr(self, name) for name in SECTIONS}
        return config.to_toml({"model": self.model, "data": self.data, **sections})


def _section(kind: type, table: Any, defaults: dict[str, Any], name: str) -> Any:
    """One section of a file; what it leaves out are the ``defaults``, and then those of ``kind``."""
    return config.from_dict(kind, {**defaults, **table} if isinstance(table, dict) else table, where=name)
