"""Settings replaced by what was typed: ``key=value`` with a dotted key."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import is_dataclass
from typing import Any, TypeVar, cast

from imtrans.config.annotations import dotted, is_mapping, settings_of, table_of, value_kind
from imtrans.config.convert import convert, from_dict, parse_toml, plain, to_dict, unknown_setting
from imtrans.errors import ConfigError

T = TypeVar("T")


def override(config: T, assignments: Iterable[str]) -> T:
    """A copy of ``config`` with settings replaced, each written ``"key=value"`` with a dotted key.

    Values are TOML (``32``, ``1e-4``, ``true``, ``[1, 2]``) or bare words (``reflect``); ``none`` is None where a
    setting may be None; ``1,2`` is a list too.

    >>> override(config, ["generator.ngf=32", "lr=1e-4"])

    Raises:
        ConfigError: an assignment without ``=``, an unknown key, or a value that does not fit.
    """
    data = to_dict(config)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"{assignment!r} is not an assignment.", hint="Write key=value, for example lr=1e-4.")
        path = key.strip().split(".")
        kind = _kind_at(type(config), path)
        table = data
        for name in path[:-1]:
            table[name] = table.get(name) or {}  # an optional table that was None starts from its defaults
            table = table[name]
        table[path[-1]] = plain(_parse_value(text.strip(), kind, ".".join(path)))
    return from_dict(type(config), data)


def _kind_at(cls: type, path: Sequence[str]) -> Any:
    """The annotation of the setting at ``path``."""
    kind: Any = cls
    for depth, name in enumerate(path):
        where = ".".join(path[:depth])
        table = table_of(kind)
        if table is None:
            raise ConfigError(f"the setting {where!r} has no settings inside, so {'.'.join(path)!r} does not exist.")
        if is_mapping(table):
            kind = value_kind(table)
            continue
        allowed = settings_of(table)
        if name not in allowed:
            raise unknown_setting(dotted(where, name), name, allowed, where)
        kind = allowed[name][1]
    return kind


def _parse_value(text: str, kind: Any, key: str) -> Any:
    table = table_of(kind)
    if is_dataclass(table) and not text.startswith("{") and text != "none":
        names = ", ".join(f"{key}.{name}" for name in settings_of(cast(type, table)))
        raise ConfigError(f"{key!r} is a group of settings and takes no value.", have=f"Settings in it: {names}.")
    failure: ConfigError | None = None
    for candidate in _readings(text):
        try:
            return convert(candidate, kind, key)
        except ConfigError as error:
            failure = failure or error
    assert failure is not None
    raise failure


def _readings(text: str) -> Iterator[Any]:
    """What ``text`` may mean, most literal reading first."""
    if text in ("True", "False", "None"):  # as Python prints them
        text = text.lower()
    for source in (text, f"[{text}]" if "," in text else text):
        try:
            parsed = parse_toml(f"value = {source}\n")
        except ValueError:
            continue
        if set(parsed) == {"value"}:  # a line break in the text could have smuggled in a second key
            yield parsed["value"]
    with contextlib.suppress(ValueError):
        yield float(text)  # .5 and 1. are numbers to Python, and not to TOML
    yield text
