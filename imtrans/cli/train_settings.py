"""Which configuration an ``imtrans train`` means: defaults, --config or the run's own, and what changes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from imtrans.card import Card
from imtrans.errors import ConfigError, TrainingError, UsageError
from imtrans.train.run import RunFolder
from imtrans.train.settings import RunConfig


def new_settings(card: Card, run: RunFolder, config: Path | None, data: Path | None, overrides: list[str]) -> RunConfig:
    """The defaults or those of --config, and the overrides."""
    run.check_new()
    chosen = RunConfig.defaults(card) if config is None else RunConfig.read(config, card)
    return _with_data(chosen, data).override(overrides)


def resumed_settings(
    card: Card, run: RunFolder, config: Path | None, data: Path | None, overrides: list[str]
) -> RunConfig:
    """The run's own configuration, and the overrides."""
    if config is not None:
        raise UsageError(
            "--resume and --config contradict each other.",
            have="A resumed run goes on with the config.toml in its own folder.",
            hint="Change single settings by --set KEY=VALUE.",
        )
    if not run.config_path.is_file():
        raise TrainingError(
            f"{run.root} is no training run: it has no config.toml.",
            have="A run is a folder with config.toml and checkpoints/.",
            hint="Check --output, or start anew without --resume.",
        )
    before = RunConfig.read(run.config_path, card)
    chosen = _with_data(before, data).override(overrides)
    for name, reason in (
        ("seed", "Its first weights came from it."),
        ("init_from", "A checkpoint of its own has taken their place."),
    ):
        kept = getattr(before.train, name)
        if getattr(chosen.train, name) != kept:
            raise ConfigError(
                f"a run keeps its {name}, which is {'none' if kept == '' else kept}.",
                have=reason,
                hint=f"Leave the {name} away, or start a new run in another --output.",
            )
    return chosen


def _with_data(chosen: RunConfig, data: Path | None) -> RunConfig:
    if data is not None:
        # A run may be resumed from another working directory.
        return replace(chosen, data=str(data.absolute()))
    if not chosen.data:
        raise UsageError("training needs pictures.", hint="Type --data FOLDER; docs/data.md shows what to put in.")
    return chosen
