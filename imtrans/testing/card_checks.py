"""Checks of what a plugin declares: its card, its references, its settings and its shipped files."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

from imtrans import config
from imtrans.card import API, Card
from imtrans.testing.base import PluginChecks

_SUITES = {"translate": "PluginSuite", "generate": "GeneratorSuite"}
_IMPORT_CARD = """
import sys
from imtrans.registry import find
find(sys.argv[1])
sys.exit("torch was imported" if "torch" in sys.modules else 0)
"""


class CardChecks(PluginChecks):
    """The card by itself, before any network is built."""

    def test_waivers_name_checks(self) -> None:
        """A waiver of a check that does not exist waives nothing and hides a typing error."""
        unknown = [name for name in self.waivers if not hasattr(self, f"test_{name}")]
        assert not unknown, f"waivers name no check of the suite: {', '.join(unknown)}"
        unexplained = [name for name, reason in self.waivers.items() if not reason.strip()]
        assert not unexplained, f"waivers without a reason: {', '.join(unexplained)}"

    def test_card_imports_without_torch(self) -> None:
        """Listing models must stay fast, so the card's module refers to code by name instead of importing it."""
        command = [sys.executable, "-c", _IMPORT_CARD, self.model]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"importing the card of {self.model!r} went wrong: {done.stderr.strip()}"

    def test_card_is_complete(self, card: Card) -> None:
        """The card speaks this API and says what tables and users need."""
        assert card.api == API
        assert card.task == self.task, f"a model with task={card.task!r} is tested by {_SUITES[card.task]}"
        assert card.summary.strip(), "the card has no summary"
        assert "\n" not in card.summary, "the summary is one line"
        assert card.licence.strip(), "the card names no licence for its code"

    def test_references_resolve(self, card: Card) -> None:
        """Every reference of the card leads to an object of the right kind."""
        from imtrans.train.method import Method

        for name in ("build", "recognise"):
            assert callable(getattr(card, name).load()), f"{name} is not callable"
        if card.method is not None:
            method = card.method.load()
            assert inspect.isclass(method), "method is not a class"
            assert issubclass(method, Method), "method is not a subclass of imtrans.train.method.Method"

    def test_configs_are_frozen_dataclasses(self, card: Card) -> None:
        """Settings are values: they can be compared and shared, and nobody changes them behind another's back."""
        for kind in _config_classes(card):
            parameters = getattr(kind, "__dataclass_params__", None)
            assert parameters is not None, f"{kind.__name__} is not a dataclass"
            assert parameters.frozen, f"{kind.__name__} is not frozen"
            kind()  # every setting has a default

    def test_configs_survive_toml(self, card: Card, tmp_path: Path) -> None:
        """What a run writes to config.toml reads back equal."""
        kind = card.network_config.load()
        written = [config.from_dict(kind, variant) for variant in (*self.variants, self.small)]
        if card.method_config is not None:
            written += [config.from_dict(card.method_config.load(), changes) for changes in ({}, self.small_training)]
        for index, settings in enumerate(written):
            path = tmp_path / f"{index}.toml"
            path.write_text(config.to_toml(settings), encoding="utf-8")
            assert config.from_toml(type(settings), path) == settings

    def test_settings_are_explained(self, card: Card) -> None:
        """Every setting has a docstring, which is its help on the command line."""
        for kind in _config_classes(card):
            silent = [setting.key for setting in config.describe(kind) if not setting.help]
            assert not silent, f"settings of {kind.__name__} without a docstring below them: {', '.join(silent)}"

    def test_weights_are_well_formed(self, card: Card) -> None:
        """Each named checkpoint says its terms, and a shipped one is there."""
        for weights in card.weights:
            assert weights.summary.strip(), f"weights {weights.name!r} have no summary"
            assert weights.licence.strip(), f"weights {weights.name!r} name no licence"
            if weights.file is not None:
                shipped = resources.files(card.package).joinpath(weights.file)
                assert shipped.is_file(), f"weights {weights.name!r}: {weights.file} is not in {card.package}"

    def test_readme_is_there(self, card: Card) -> None:
        """The package says in words what the model is and where its weights come from."""
        readme = resources.files(card.package).joinpath("README.md")
        assert readme.is_file(), f"{card.package} has no README.md (is it in the package data?)"
        assert readme.read_text(encoding="utf-8").strip(), f"the README.md of {card.package} is empty"


def _config_classes(card: Card) -> list[Any]:
    references = [card.network_config, card.method_config]
    return [reference.load() for reference in references if reference is not None]
