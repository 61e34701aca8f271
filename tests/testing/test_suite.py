"""The suite passes a sound plugin and finds each fault where it was put.

The sound plugin is the one that ``imtrans plugins new`` writes; every test spoils one place of its own copy.
"""

from __future__ import annotations

import itertools
import re

import pytest

from imtrans.cli import scaffold

_numbers = itertools.count()


class Plugin:
    """A copy of the scaffold on the path, under a name that no other test uses."""

    def __init__(self, distributions) -> None:
        self.name = f"copy{next(_numbers)}"
        self.package = f"imtrans_{self.name}"
        root = scaffold.write(self.name, distributions.folder / "sources")
        (root / self.package).rename(distributions.folder / self.package)
        self.folder = distributions.folder / self.package
        self.tests = root / "tests" / f"test_{self.name}.py"
        distributions.add(f"imtrans-{self.name}", {self.name: f"{self.package}:card"})

    def spoil(self, file: str, old: str, new: str) -> None:
        """Replace ``old``, which must stand in ``file`` exactly once."""
        path = self.tests if file == "tests" else self.folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file} holds {old!r} {text.count(old)} times"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def run(self, *only: str) -> dict[str, str]:
        """{check: outcome} of the plugin's own test file, or of some checks of it, run inside this process."""
        nested = _Nested(only)
        options = ["-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", "/dev/null"]
        pytest.main([str(self.tests), f"--rootdir={self.folder.parent}", *options], plugins=[nested])
        return nested.outcomes


class _Nested:
    """Chooses the checks of a run inside a run, and keeps their outcomes."""

    def __init__(self, only: tuple[str, ...]) -> None:
        self.only = only
        self.outcomes: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if not self.only or _check(item.nodeid) in self.only]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        check = _check(report.nodeid)
        if report.failed:
            self.outcomes[check] = "failed"
        elif report.skipped:
            self.outcomes[check] = "expected" if hasattr(report, "wasxfail") else "skipped"
        elif report.when == "call":
            self.outcomes.setdefault(check, "passed")


def _check(nodeid: str) -> str:
    return re.sub(r"\[.*", "", nodeid.rpartition("::")[2]).removeprefix("test_")


@pytest.fixture
def plugin(distributions, monkeypatch: pytest.MonkeyPatch) -> Plugin:
    """A sound plugin."""
    monkeypatch.setenv("PYTHONPATH", distributions.environment["PYTHONPATH"])
    return Plugin(distributions)


def test_the_scaffold_passes_every_check(plugin: Plugin) -> None:
    outcomes = plugin.run()
    assert len(outcomes) > 20
    assert set(outcomes.values()) == {"passed"}


FAULTS = [
    ("card_imports_without_torch", "__init__.py", "from imtrans import Card", "import torch\nfrom imtrans import Card"),
    ("card_is_complete", "__init__.py", 'summary="gives pictures of one set the look of another"', 'summary=" "'),
    ("references_resolve", "__init__.py", ":recognise", ":recognize"),
    ("references_resolve", "__init__.py", 'Method"),', 'Method.__name__"),'),
    ("configs_are_frozen_dataclasses", "config.py", "@dataclass(frozen=True)\nclass Gen", "@dataclass()\nclass Gen"),
    ("configs_are_frozen_dataclasses", "config.py", "lr: float = 2e-4", "lr: float = field(kw_only=True)"),
    ("configs_survive_toml", "config.py", "width: int = 16", "width: set = frozenset()"),
    ("settings_are_explained", "config.py", '    """Channels between the two convolutions."""\n', ""),
    ("recognise_knows_every_variant", "networks.py", "GeneratorConfig(width=first[0])", "GeneratorConfig()"),
    ("recognise_knows_every_variant", "networks.py", '"first.bias", ', ""),
    ("recognise_refuses_strangers", "networks.py", "        return None", "        return GeneratorConfig()"),
    ("input_is_left_alone", "networks.py", "self.second(self.first(x)", "self.second(self.first(x.neg_())"),
    ("output_fits_the_value_range", "networks.py", ".clamp(-1, 1)", ".clamp(-1, 1) * 127.5"),
    ("channels_last_equals_contiguous", "networks.py", "self.first(x).relu()", "self.first(x + x.stride(1)).relu()"),
    ("scale_is_as_declared", "networks.py", ".clamp(-1, 1)", ".clamp(-1, 1)[..., 1:]"),
    ("any_size_goes", "networks.py", ".clamp(-1, 1)", ".clamp(-1, 1)[..., 1:]"),
    ("bf16_is_finite_if_claimed", "networks.py", ".clamp(-1, 1)", ".clamp(-1, 1) / (change.dtype.itemsize - 2)"),
    ("heatmap_if_claimed", "__init__.py", 'look of another",', 'look of another",\n    heatmap=True,'),
    ("same_picture_same_result", "networks.py", "(x + change)", "(x + change + 0.5 * x.new_empty(x.shape).normal_())"),
    ("build_gives_a_module", "networks.py", "return Generator(config)", "return Generator(config).forward"),
    ("phases_cover_the_networks", "method.py", "[self.discriminator]", "[self.discriminator.layers[0]]"),
    ("phases_cover_the_networks", "method.py", "[self.discriminator]", "[self.discriminator, self.generator]"),
    ("phases_cover_the_networks", "method.py", '"generator": self.generator, ', ""),
    ("one_step_trains", "method.py", "* l1_loss(fake, step", "* 0 / 0 * l1_loss(fake, step"),
    ("one_step_trains", "method.py", "self.config.lambda_content * l1", "l1_loss(fake, fake, reduction='none') + l1"),
    ("one_step_trains", "method.py", "        real = ", "        self.generator.first.bias.data += 1\n        real = "),
    (
        "one_step_trains",
        "method.py",
        "fake = self.generator(step",
        "self.config.lr or 0\n        fake = 0 * self.generator(step",
    ),
    ("preview_gives_pictures", "method.py", 'self.generator(batch["A"])}', 'self.generator(batch["A"])[0]}'),
    ("translators_are_networks", "method.py", '"a2b": ("generator"', '"a2b": ("generators"'),
    ("translators_are_networks", "method.py", '"a2b": ("generator"', '"a2b": ("discriminator"'),
    ("translators_are_networks", "method.py", ", self.config.generator)}", ", self.config)}"),
    ("method_builds_its_networks", "method.py", "nn.ModuleDict({", "dict({"),
    ("method_learns_from_a_known_kind", "method.py", 'data = "unpaired"', 'data = "pictures"'),
    ("method_learns_from_a_known_kind", "method.py", 'data = "unpaired"', 'data = "paired"'),
    (
        "one_step_trains",
        "method.py",
        "self.discriminator_loss, adam",
        "self.discriminator_loss, adam, after=lambda: self.generator.first.bias.add_(1)",
    ),
    ("method_builds_its_networks", "method.py", '{"generator": ', '{"the generator": '),
]


@pytest.mark.parametrize(
    ("check", "file", "old", "new"), FAULTS, ids=[f"{i}-{fault[0]}" for i, fault in enumerate(FAULTS)]
)
def test_a_fault_is_found(plugin: Plugin, check: str, file: str, old: str, new: str) -> None:
    plugin.spoil(file, old, new)
    assert plugin.run(check) == {check: "failed"}


def test_a_missing_readme_is_found(plugin: Plugin) -> None:
    (plugin.folder / "README.md").unlink()
    assert plugin.run("readme_is_there") == {"readme_is_there": "failed"}


def test_shipped_weights_are_looked_at(plugin: Plugin) -> None:
    weights = 'weights=(Weights("w", "s", " ", file="weights/w.safetensors"),),\n    build='
    plugin.spoil("__init__.py", "Card, Ref", "Card, Ref, Weights")
    plugin.spoil("__init__.py", "build=", weights)
    assert plugin.run("weights_are_well_formed", "shipped_weights_translate") == {
        "weights_are_well_formed": "failed",
        "shipped_weights_translate": "failed",
    }


WAIVER = 'variants = ({}, {"width": 3})\n    waivers = {"readme_is_there": "%s"}'


def waive(plugin: Plugin, reason: str) -> None:
    """Waive the check of the README."""
    plugin.spoil("tests", 'variants = ({}, {"width": 3})', WAIVER % reason)


def test_a_waived_failure_is_expected(plugin: Plugin) -> None:
    (plugin.folder / "README.md").unlink()
    waive(plugin, "written next week")
    assert plugin.run("readme_is_there") == {"readme_is_there": "expected"}


def test_a_waiver_that_is_not_needed_any_more_fails(plugin: Plugin) -> None:
    waive(plugin, "written last week")
    assert plugin.run("readme_is_there") == {"readme_is_there": "failed"}


def test_a_waiver_needs_a_reason(plugin: Plugin) -> None:
    waive(plugin, " ")
    assert plugin.run("waivers_name_checks") == {"waivers_name_checks": "failed"}


def test_a_waiver_names_a_check(plugin: Plugin) -> None:
    waive(plugin, "x")
    plugin.spoil("tests", "readme_is_there", "readme_is_their")
    assert plugin.run("waivers_name_checks") == {"waivers_name_checks": "failed"}


def test_a_model_that_is_only_run_skips_the_method(plugin: Plugin) -> None:
    plugin.spoil("__init__.py", f'    method=Ref("{plugin.package}.method:{plugin.name.capitalize()}Method"),\n', "")
    plugin.spoil("__init__.py", f'    method_config=Ref("{plugin.package}.config:MethodConfig"),\n', "")
    outcomes = plugin.run("phases_cover_the_networks", "preview_gives_pictures", "one_step_trains", "readme_is_there")
    assert outcomes.pop("readme_is_there") == "passed"
    assert set(outcomes.values()) == {"skipped"}


FRESH = """self.discriminator_loss, adam, repeat=3, fresh=True),
        )

    def pool_sizes(self) -> Mapping[str, int]:
        self.seen: list[Tensor] = []
        return {}

    def _note(self, step: Step) -> bool:
        self.seen.append(step.batch["image"])
        if len(self.seen) == 3 and any(self.seen[0].equal(each) for each in self.seen[1:]):
            raise ValueError("a repetition saw the batch of another")
        return True
"""


def test_a_model_of_another_kind_of_data_with_a_critic_that_repeats(plugin: Plugin) -> None:
    """It is given pictures of one kind, and three batches a step."""
    plugin.spoil("__init__.py", 'data="unpaired"', 'data="single"')
    path = plugin.folder / "method.py"
    text = (
        path.read_text(encoding="utf-8").replace('batch["A"]', 'batch["image"]').replace('batch["B"]', 'batch["image"]')
    )
    text = text.replace('data = "unpaired"', 'data = "single"').replace(
        "self.discriminator_loss, adam),\n        )\n", FRESH
    )
    text = text.replace(
        'step.shared["fake"])', 'self.generator(step.batch["image"]).detach()) if self._note(step) else 0'
    )
    path.write_text(text, encoding="utf-8")
    checks = (
        "one_step_trains",
        "preview_gives_pictures",
        "method_learns_from_a_known_kind",
        "phases_cover_the_networks",
    )
    assert set(plugin.run(*checks).items()) == {(check, "passed") for check in checks}
