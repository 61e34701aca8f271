"""Frozen dataclasses <-> plain data and TOML, with strict keys and types."""

from __future__ import annotations

import math
import sys
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin

from imtrans.config.annotations import WORDS, default_of, dotted, is_mapping, settings_of, value_kind, words
from imtrans.errors import ConfigError, did_you_mean

T = TypeVar("T")


# --- plain data -> dataclass ----------------------------------------------------------------------------------------


def from_dict(cls: type[T], mapping: Mapping[str, Any], where: str = "") -> T:
    """Build the frozen dataclass ``cls`` from plain data, as TOML or JSON gives it.

    Args:
        cls: a configuration class.
        mapping: values by field name, nested like ``cls``; fields left out keep their defaults.
        where: dotted prefix that error messages put before a key, such as ``"generator"``.

    Raises:
        ConfigError: an unknown or missing key, a value of another type, or a value that ``__post_init__`` refuses.
        TypeError: ``cls`` is no configuration class; a mistake of its author.
    """
    if not isinstance(mapping, Mapping):
        raise _wrong_type(mapping, cls, where or "the configuration")
    allowed = settings_of(cls)
    for key in mapping:
        if key not in allowed:
            raise unknown_setting(dotted(where, str(key)), str(key), allowed, where)
    for name, (field, _) in allowed.items():
        if name not in mapping and default_of(field) is MISSING:
            raise ConfigError(f"the setting {dotted(where, name)!r} is missing; it has no default.")
    values = {key: convert(value, allowed[key][1], dotted(where, key)) for key, value in mapping.items()}
    try:
        return cls(**values)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}" if where else str(error)) from error


def convert(value: Any, kind: Any, key: str) -> Any:
    """The ``value`` as an instance of the annotation ``kind``; ``key`` is its dotted name for messages."""
    origin = get_origin(kind)
    if kind is Any:
        return value
    if is_dataclass(kind):
        return value if isinstance(value, cast(type, kind)) else from_dict(cast(type, kind), value, key)
    if origin is Literal:
        return _choice(value, kind, key)
    if origin in (Union, types.UnionType):
        return _convert_union(value, kind, key)
    if origin is tuple:
        return _convert_tuple(value, kind, key)
    if is_mapping(kind):
        return _convert_mapping(value, kind, key)
    return _convert_scalar(value, kind, key)


def _convert_scalar(value: Any, kind: Any, key: str) -> Any:
    if kind not in (bool, *WORDS):
        raise TypeError(f"the setting {key!r} has the type {kind!r}, which imtrans.config does not know")
    if kind is float and type(value) is int:
        return float(value)
    if kind is Path and isinstance(value, (str, Path)):
        return Path(value)
    if type(value) is not kind:  # exact: True is an int to Python, and not to a reader
        raise _wrong_type(value, kind, key)
    if kind is float and math.isnan(value):
        raise ConfigError(f"{key} must be a number, not nan.")
    return value


def _choice(value: Any, kind: Any, key: str) -> Any:
    for choice in get_args(kind):
        if type(choice) is type(value) and choice == value:
            return choice
    raise _wrong_type(value, kind, key)


def _convert_union(value: Any, kind: Any, key: str) -> Any:
    options = get_args(kind)
    tables = [option for option in options if is_dataclass(option)]
    if len(tables) > 1:
        raise TypeError(f"the setting {key!r} may be one of several dataclasses; plain data cannot tell them apart")
    if _means_none(value, options):
        return None
    if tables and isinstance(value, Mapping):
        return convert(value, tables[0], key)
    for option in sorted(options, key=lambda option: option is float):  # 1 stays an int in int | float
        try:
            return convert(value, option, key)
        except ConfigError:
            continue
    raise _wrong_type(value, kind, key)


def _means_none(value: Any, options: Sequence[Any]) -> bool:
    listed = any(get_origin(option) is Literal and "none" in get_args(option) for option in options)
    return type(None) in options and (value is None or (value == "none" and not listed))


def _convert_tuple(value: Any, kind: Any, key: str) -> tuple[Any, ...]:
    kinds = get_args(kind)
    if not isinstance(value, (list, tuple)):
        raise _wrong_type(value, kind, key)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise ConfigError(f"{key} needs {len(kinds)} values, not {len(value)}: {_shown(value)}.")
    return tuple(
        convert(item, one, f"{key}[{index}]") for index, (item, one) in enumerate(zip(value, kinds, strict=True))
    )


def _convert_mapping(value: Any, kind: Any, key: str) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise _wrong_type(value, kind, key)
    inner = value_kind(kind)
    return {name: convert(item, inner, dotted(key, name)) for name, item in value.items()}


# --- dataclass -> plain data ----------------------------------------------------------------------------------------


def to_dict(config: Any) -> dict[str, Any]:
    """The configuration as plain data: dicts, lists, strings, numbers, booleans and None."""
    if not is_dataclass(config) or isinstance(config, type):
        raise TypeError(f"a configuration is an instance of a dataclass, not {config!r}")
    return {name: plain(getattr(config, name)) for name in settings_of(type(config))}


def plain(value: Any) -> Any:
    """A setting's value as :func:`to_dict` gives it."""
    if is_dataclass(value) and not isinstance(value, type):
        return to_dict(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


# --- TOML -----------------------------------------------------------------------------------------------------------


def to_toml(config: Any) -> str:
    """A dataclass, or a mapping that may hold some, as TOML; the module's docstring says what becomes of None."""
    import tomli_w

    return tomli_w.dumps(_toml_value(config))


def _toml_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _toml_value(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return ["none" if item is None else _toml_value(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return _toml_table(value)
    return plain(value)


def _toml_table(config: Any) -> dict[str, Any]:
    """A dataclass with None left out where it is the default, and written as ``none`` where it is not."""
    table: dict[str, Any] = {}
    for name, (field, _) in settings_of(type(config)).items():
        value = getattr(config, name)
        if value is not None:
            table[name] = _toml_value(value)
        elif default_of(field) is not None:
            table[name] = "none"
    return table


def from_toml(cls: type[T], path: str | Path) -> T:
    """Build the dataclass ``cls`` from the TOML file at ``path``.

    Raises:
        ConfigError: the file cannot be read, is no TOML, or does not fit ``cls``; the message names the file.
    """
    try:
        return from_dict(cls, read_toml(path))
    except ConfigError as error:
        if str(path) in error.what:
            raise
        raise ConfigError(f"{path}: {error.what}", have=error.have, hint=error.hint) from error


def read_toml(path: str | Path) -> dict[str, Any]:
    """The TOML file at ``path`` as plain data.

    Raises:
        ConfigError: there is no such file, or it is not valid TOML (the message gives the line).
    """
    path = Path(path)
    try:
        return parse_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not a TOML file: it is not UTF-8 text.") from error
    except ValueError as error:  # TOMLDecodeError, whose message ends in "(at line 3, column 7)"
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error


def parse_toml(text: str) -> dict[str, Any]:
    """TOML as plain data.

    Raises:
        ValueError: it is none; the message ends in where.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


# --- what was wrong -------------------------------------------------------------------------------------------------


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _wrong_type(value: Any, kind: Any, key: str) -> ConfigError:
    close = ""
    if get_origin(kind) is Literal and isinstance(value, str):
        close = did_you_mean(value, [choice for choice in get_args(kind) if isinstance(choice, str)])
    return ConfigError(f"{key} must be {words(kind)}, not {_shown(value)}.", have=close)


def unknown_setting(key: str, name: str, allowed: Iterable[str], where: str) -> ConfigError:
    """The error for a key that ``where`` has not, where the ``allowed`` ones are."""
    names = list(allowed)
    close = did_you_mean(name, names)
    return ConfigError(
        f"there is no setting {key!r}.",
        have=f"Settings{f' in {where}' if where else ''}: {', '.join(names) or 'none'}. {close}".strip(),
    )
