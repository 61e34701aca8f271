"""Style mixing: pictures with the styles of one seed in some layers and those of another in the rest.

Karras, Laine, Aila: "A Style-Based Generator Architecture for Generative Adversarial Networks", 2019, section 3.1 and
figure 3. The matrix is that of NVIDIA's ``style_mixing.py``: a picture shows its row's seed, with the named layers'
styles from its column's seed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imtrans.errors import UsageError
from imtrans.infer.numbers import parse_numbers

if TYPE_CHECKING:
    from imtrans.infer.generator import Drawing, Generator

GROUPS = {"coarse": (0, 4), "middle": (4, 8), "fine": (8, None)}
"""The paper's groups as layers: 4 to 8 pixels (pose, shape), 16 to 32 (features), 64 and more (colours)."""
USUAL = (0, 7)
"""The layers that ``style_mixing.py`` takes from the columns unless told otherwise: 0 to 6."""


def finest(num_ws: int) -> str:
    """The last of the groups that a network of so many layers has: a small one has none that are fine."""
    return next(name for name, (first, _) in reversed(GROUPS.items()) if first < num_ws)


def parse_layers(text: str | None, num_ws: int, option: str = "--mix-layers") -> list[int]:
    """Which layers ``--mix-layers`` means: groups, numbers and ranges with commas; None is :data:`USUAL`.

    Args:
        text: such as ``"coarse"``, ``"coarse,middle"`` or ``"0-3,8"``.
        num_ws: layers that the network has.
        option: where it was typed, for messages.

    Raises:
        UsageError: it cannot be read, or the network has no such layers.
    """
    if text is None:
        return list(range(*USUAL))[:num_ws]
    layers: set[int] = set()
    for part in text.split(","):
        word = part.strip()
        if word in GROUPS:
            first, last = GROUPS[word]
            found = range(first, num_ws if last is None else min(last, num_ws))
            if not found:
                raise _beyond(f"no {word} layers, which begin at {first}", num_ws, option)
        else:
            found = _numbered(word, text, option)
            if found[-1] >= num_ws:
                raise _beyond(f"no layer {found[-1]}", num_ws, option)
        layers.update(found)
    return sorted(layers)


def _numbered(word: str, text: str, option: str) -> range:
    try:
        numbers = parse_numbers(word, option)
    except UsageError as error:
        raise UsageError(
            f"{option} {text!r} cannot be read.",
            have="It takes coarse, middle, fine, and numbers of layers, with commas.",
            hint=f"Type for example {option} coarse,middle or {option} 0-6.",
        ) from error
    return range(numbers[0], numbers[-1] + 1)


def _beyond(what: str, num_ws: int, option: str) -> UsageError:
    have = f"Its layers are 0 to {num_ws - 1}."
    return UsageError(f"the network has {what}.", have=have, hint=f"Type for example {option} {finest(num_ws)}.")


def check_mixable(generator: Generator) -> int:
    """The number of the network's layers that take a style.

    Raises:
        UsageError: it has no styles.
    """
    if generator.styles is None:
        raise UsageError(
            f"the model {generator.card.name!r} has no styles: it makes pictures of latents directly.",
            have="Styles are what is mixed, projected to and taken from a seed; a StyleGAN has some.",
            hint=f"Type: imtrans generate {generator.card.name} --seeds 0-15",
        )
    return generator.styles.num_ws


def mix(row: Drawing, column: Drawing, layers: list[int]) -> Drawing:
    """The pictures of ``row`` with the styles of ``column`` in the ``layers``; item by item, N each.

    Noise and class stay those of the row.
    """
    codes = row.codes.clone()
    codes[:, layers] = column.codes[:, layers]
    return replace(row, codes=codes)
