"""The judge of an ``imtrans train``: held-out pictures and the metrics that the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from imtrans.data.kind_names import KIND_WORDS
from imtrans.errors import ConfigError
from imtrans.metrics.held_out import HeldOut
from imtrans.metrics.planning import domains, plan_held_out
from imtrans.metrics.running import Options
from imtrans.metrics.tools import PAIRED, ToolSettings, Typed, make_tools

if TYPE_CHECKING:
    from imtrans.train.method import Method
    from imtrans.train.settings import RunConfig

COMES_IN_PAIRS = {"unpaired": False, "paired": True}
"""By the kinds of data sets that have domains A and B: whether held-out pictures of one name belong together."""
UNPAIRED = "kid"
"""For sets, unless the settings name others: FID needs more pictures than a look in between should take."""

TYPED = Typed("--set train.metrics={}", "--set train.evaluate_features={}", lpips=None)


def held_out_evaluator(method: Method, settings: RunConfig, device: torch.device) -> HeldOut:
    """Measures every direction that the method learns on ``testA`` and ``testB``, as squares of the crop's size.

    Raises:
        ConfigError: the method translates between no two domains, as one that learns from label maps or generates.
        InputError: the data have no held-out pictures.
        ImtransError: a metric does not exist or cannot be had here.
    """
    train, root = settings.train, Path(settings.data)
    directions = [direction for direction in method.translators() if direction in ("a2b", "b2a")]
    kind = method.data_for(settings.method)
    if not directions or kind not in COMES_IN_PAIRS:
        raise ConfigError(
            f"the model {settings.model!r} translates between no domains A and B, so training cannot evaluate it.",
            have=f"It learns from {KIND_WORDS[kind].summary}.",
            hint="Leave train.evaluate_every away.",
        )
    paired = COMES_IN_PAIRS[kind]
    tool_settings = ToolSettings(train.metrics or (PAIRED if paired else UNPAIRED), features=train.evaluate_features)
    plans, tools = {}, {}
    for direction in directions:
        plans[direction] = plan_held_out(root, direction, paired=paired, limit=train.evaluate_limit)
        tools[direction] = make_tools(
            tool_settings,
            paired=paired,
            cycle=len(directions) == 2,
            data=root,
            target_domain=domains(direction)[1],
            device=device,
            typed=TYPED,
        )
    return HeldOut(plans, tools, Options(size=settings.augmentation.crop_size))
