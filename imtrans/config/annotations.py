"""What a configuration class may hold: its fields, their annotations, and these in words."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

WORDS = {
    int: "a whole number",
    float: "a number",
    str: "a string",
    Path: "a path",
    type(None): "none",
}
"""What stands for itself, in words; bool besides, whose values are its words."""


def settings_of(cls: type) -> dict[str, tuple[Field[Any], Any]]:
    """{name: (field, annotation)} of the fields that ``cls()`` takes."""
    if not (isinstance(cls, type) and is_dataclass(cls)):
        raise TypeError(f"a configuration class is a frozen dataclass, and {cls!r} is none")
    hints = get_type_hints(cls)
    return {field.name: (field, hints[field.name]) for field in fields(cls) if field.init}


def default_of(field: Field[Any]) -> Any:
    """Its default, made where it has a factory; ``dataclasses.MISSING`` where a value is required."""
    return field.default_factory() if field.default_factory is not MISSING else field.default


def is_mapping(kind: Any) -> bool:
    """Whether an annotation is that of a mapping."""
    origin = get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, Mapping)


def value_kind(kind: Any) -> Any:
    """What a mapping maps to, of its annotation."""
    return get_args(kind)[1] if get_args(kind) else Any


def table_of(kind: Any) -> Any:
    """The dataclass or mapping that an annotation stands for, looking through ``| None``; else None."""
    options = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    return next((option for option in options if is_dataclass(option) or is_mapping(option)), None)


def dotted(where: str, name: str) -> str:
    """The key of a setting inside the group ``where``, which is empty at the top."""
    return f"{where}.{name}" if where else name


def words(kind: Any) -> str:
    """An annotation in words: ``"a whole number or none"``, ``"'reflect' or 'zero'"``."""
    options = _options(kind)
    return options[0] if len(options) == 1 else f"{', '.join(options[:-1])} or {options[-1]}"


def _options(kind: Any) -> list[str]:
    origin, args = get_origin(kind), get_args(kind)
    if kind is bool:
        return ["true", "false"]
    if origin is Literal:
        return [repr(choice) for choice in args]
    if origin in (Union, types.UnionType):
        return [words for option in args for words in _options(option)]
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return [f"a list, each {words(args[0])}"]
    if origin is tuple:
        return [f"a list of {len(args)}: {'; '.join(words(item) for item in args)}"]
    if is_dataclass(kind) or is_mapping(kind):
        return ["a table"]
    return ["anything"] if kind is Any else [WORDS.get(kind, str(kind))]
