"""What a model can do besides translating, by its card: asked before anything heavy is imported."""

from __future__ import annotations

from imtrans import registry
from imtrans.card import Card
from imtrans.errors import UsageError


def refuse_without_heatmap(card: Card) -> None:
    """Refuse to show where a network looks that cannot tell.

    Raises:
        UsageError: the card has no ``heatmap``; the message names the models that have.
    """
    if not card.heatmap:
        able = sorted(name for name, other in registry.cards().items() if other.heatmap)
        raise UsageError(
            f"the model {card.name!r} has no heatmap: nothing in it says where it looks.",
            have=f"Models with one: {', '.join(able) or 'none'}.",
            hint="Leave --heatmap away.",
        )
