"""Entry points -> :class:`Entry` (a card, or the reason why there is none).

One broken plugin is one row with its reason; it never stops another plugin and never raises here.
"""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import metadata

from imtrans.card import API, Card
from imtrans.errors import PluginError, UnknownNameError, did_you_mean

GROUP = "imtrans.plugins"


@dataclass(frozen=True)
class Entry:
    """One registered plugin: where it comes from and its card, or the reason why it cannot be used."""

    name: str
    """The entry point's name, which is the model's name."""
    distribution: str
    version: str
    target: str
    """The entry point's value, ``package:attribute``."""
    card: Card | None = None
    reason: str = ""
    """Why ``card`` is None, or why its name alone does not mean it; one sentence, empty where all is well."""

    @property
    def full_name(self) -> str:
        """``distribution:name``, which is unique where the bare name may not be."""
        return f"{self.distribution}:{self.name}"

    @property
    def label(self) -> str:
        """What to type for this plugin: its name, or its full name where another plugin claims the same name."""
        return self.full_name if self.card is not None and self.reason else self.name


def entries() -> list[Entry]:
    """Every registered plugin, sorted by name; broken ones carry a reason instead of a card."""
    return sorted(_refuse_shared_names(list(_discover())), key=lambda entry: (entry.name, entry.distribution))


def cards() -> dict[str, Card]:
    """The usable plugins by name, or by ``distribution:name`` where two plugins claim one name."""
    return {entry.label: entry.card for entry in entries() if entry.card is not None}


def find(name: str) -> Card:
    """The card called ``name``, or ``distribution:name`` where two plugins share a name.

    Raises:
        UnknownNameError: no plugin is called that.
        PluginError: the plugin is broken, or two plugins claim the bare name.
    """
    known = entries()
    matches = [entry for entry in known if name in (entry.name, entry.full_name)]
    if not matches:
        usable = [entry.label for entry in known if entry.card is not None]
        raise UnknownNameError(
            f"there is no model called {name!r}.",
            have=f"Installed models: {', '.join(usable) or 'none'}. {did_you_mean(name, usable)}".strip(),
            hint="See 'imtrans models', or 'imtrans plugins' for the plugins that failed to load.",
        )
    if len(matches) > 1:
        raise PluginError(
            f"{len(matches)} plugins are called {name!r}.",
            have="They come from: " + ", ".join(f"{m.distribution} {m.version}" for m in matches) + ".",
            hint="Name one: " + " or ".join(repr(m.full_name) for m in matches) + ".",
        )
    (match,) = matches
    if match.card is None:
        raise PluginError(
            f"the plugin {name!r} ({match.distribution} {match.version}) cannot be used: {match.reason}",
            hint=f"Update or remove it: pip install -U {match.distribution}, or pip uninstall {match.distribution}.",
        )
    return match.card


def _discover() -> Iterator[Entry]:
    seen: set[str] = set()
    for distribution in metadata.distributions():
        if GROUP not in _entry_points_text(distribution):  # a hundred others, which nobody needs to parse
            continue
        # A distribution that stands twice on the path counts once, as the first does for import.
        if _name(distribution) in seen:
            continue
        seen.add(_name(distribution))
        try:
            points = distribution.entry_points.select(group=GROUP)
        except Exception as error:  # metadata.entry_points() would die of this one file, whoever wrote it
            reason = f"its entry_points.txt cannot be parsed: {_first_line(error)}"
            yield Entry("?", _name(distribution), _version(distribution), "?", reason=reason)
        else:
            yield from (_load(point, distribution) for point in points)


def _load(point: metadata.EntryPoint, distribution: metadata.Distribution) -> Entry:
    card, reason = None, ""
    try:
        with contextlib.redirect_stdout(sys.stderr):  # a plugin that greets must not spoil the output of --json
            card = _checked(point.load(), point.name)
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # a plugin may raise anything while it is imported, SystemExit included
        reason = _sentence(error)
    return Entry(point.name, _name(distribution), _version(distribution), point.value, card, reason)


def _name(distribution: metadata.Distribution) -> str:
    try:
        return distribution.name or str(distribution.locate_file(""))
    except Exception:  # metadata without a name, or without a METADATA file at all
        return str(distribution.locate_file(""))


def _version(distribution: metadata.Distribution) -> str:
    try:
        return distribution.version or "?"
    except Exception:
        return "?"


def _entry_points_text(distribution: metadata.Distribution) -> str:
    try:
        return distribution.read_text("entry_points.txt") or ""
    except Exception:  # not even text; then nobody can tell whose it is
        return ""


def _checked(found: object, name: str) -> Card:
    if not isinstance(found, Card):
        raise PluginError(f"its entry point gives a {type(found).__name__}, not an imtrans.Card.")
    if found.api != API:
        raise PluginError(f"it is written for plugin API {found.api}, and this imtrans speaks API {API}.")
    if found.name != name:
        raise PluginError(f"its card says {found.name!r}, its entry point {name!r}; they must be equal.")
    return found


def _sentence(error: BaseException) -> str:
    if isinstance(error, PluginError):
        return error.what
    where = f" ({error.filename}, line {error.lineno})" if isinstance(error, SyntaxError) and error.filename else ""
    return f"{type(error).__name__} while it was imported: {_first_line(error)}{where}"


def _first_line(error: BaseException) -> str:
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:  # even the message is the plugin's code
        text = ""
    return text.strip().splitlines()[0] if text.strip() else "no message"


def _refuse_shared_names(found: list[Entry]) -> list[Entry]:
    """Mark every plugin of a shared name: neither wins silently, and each still answers to its full name."""
    count = Counter(entry.name for entry in found)
    return [
        replace(entry, reason=f"{count[entry.name]} plugins have this name; call this one {entry.full_name!r}.")
        if count[entry.name] > 1 and entry.card is not None
        else entry
        for entry in found
    ]
