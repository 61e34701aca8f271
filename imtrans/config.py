"""Frozen dataclasses <-> TOML and plain data, with strict keys and ``key=value`` overrides.

A configuration is a frozen dataclass whose fields are ``bool``, ``int``, ``float``, ``str``, ``Path``, ``Literal``,
``tuple``, ``Mapping[str, ...]``, other such dataclasses, and unions of these with ``None``. Its docstrings are its
help: the string below a field is what ``imtrans models show`` prints.

TOML has no null. A field that is None is left out of the file where None is its default, and is written as the word
``none`` elsewhere. So in a field that may be None, the string ``"none"`` means None, unless ``Literal`` lists it.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import itertools
import math
import sys
import textwrap
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from imtrans.errors import ConfigError, did_you_mean

T = TypeVar("T")

_WORDS = {
    int: "a whole number",
    float: "a number",
    str: "a string",
    Path: "a path",
    type(None): "none",
}


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
    allowed = _settings(cls)
    for key in mapping:
        if key not in allowed:
            raise _unknown(_dotted(where, str(key)), str(key), allowed, where)
    for name, (field, _) in allowed.items():
        if name not in mapping and _default(field) is MISSING:
            raise ConfigError(f"the setting {_dotted(where, name)!r} is missing; it has no default.")
    values = {key: _convert(value, allowed[key][1], _dotted(where, key)) for key, value in mapping.items()}
    try:
        return cls(**values)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}" if where else str(error)) from error


def _convert(value: Any, kind: Any, key: str) -> Any:
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
    if _is_mapping(kind):
        return _convert_mapping(value, kind, key)
    return _convert_scalar(value, kind, key)


def _convert_scalar(value: Any, kind: Any, key: str) -> Any:
    if kind not in (bool, *_WORDS):
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
        return _convert(value, tables[0], key)
    for option in sorted(options, key=lambda option: option is float):  # 1 stays an int in int | float
        try:
            return _convert(value, option, key)
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
        _convert(item, one, f"{key}[{index}]") for index, (item, one) in enumerate(zip(value, kinds, strict=True))
    )


def _convert_mapping(value: Any, kind: Any, key: str) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise _wrong_type(value, kind, key)
    inner = _value_kind(kind)
    return {name: _convert(item, inner, _dotted(key, name)) for name, item in value.items()}


# --- dataclass -> plain data ----------------------------------------------------------------------------------------


def to_dict(config: Any) -> dict[str, Any]:
    """The configuration as plain data: dicts, lists, strings, numbers, booleans and None."""
    if not is_dataclass(config) or isinstance(config, type):
        raise TypeError(f"a configuration is an instance of a dataclass, not {config!r}")
    return {name: _plain(getattr(config, name)) for name in _settings(type(config))}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return to_dict(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
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
    return _plain(value)


def _toml_table(config: Any) -> dict[str, Any]:
    """A dataclass with None left out where it is the default, and written as ``none`` where it is not."""
    table: dict[str, Any] = {}
    for name, (field, _) in _settings(type(config)).items():
        value = getattr(config, name)
        if value is not None:
            table[name] = _toml_value(value)
        elif _default(field) is not None:
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
        return _parse_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not a TOML file: it is not UTF-8 text.") from error
    except ValueError as error:  # TOMLDecodeError, whose message ends in "(at line 3, column 7)"
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error


def _parse_toml(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


# --- key=value overrides --------------------------------------------------------------------------------------------


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
        table[path[-1]] = _plain(_parse_value(text.strip(), kind, ".".join(path)))
    return from_dict(type(config), data)


def _kind_at(cls: type, path: Sequence[str]) -> Any:
    """The annotation of the setting at ``path``."""
    kind: Any = cls
    for depth, name in enumerate(path):
        where = ".".join(path[:depth])
        table = _table_of(kind)
        if table is None:
            raise ConfigError(f"the setting {where!r} has no settings inside, so {'.'.join(path)!r} does not exist.")
        if _is_mapping(table):
            kind = _value_kind(table)
            continue
        allowed = _settings(table)
        if name not in allowed:
            raise _unknown(_dotted(where, name), name, allowed, where)
        kind = allowed[name][1]
    return kind


def _table_of(kind: Any) -> Any:
    """The dataclass or mapping that an annotation stands for, looking through ``| None``; else None."""
    options = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    return next((option for option in options if is_dataclass(option) or _is_mapping(option)), None)


def _parse_value(text: str, kind: Any, key: str) -> Any:
    table = _table_of(kind)
    if is_dataclass(table) and not text.startswith("{") and text != "none":
        names = ", ".join(f"{key}.{name}" for name in _settings(cast(type, table)))
        raise ConfigError(f"{key!r} is a group of settings and takes no value.", have=f"Settings in it: {names}.")
    failure: ConfigError | None = None
    for candidate in _readings(text):
        try:
            return _convert(candidate, kind, key)
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
            parsed = _parse_toml(f"value = {source}\n")
        except ValueError:
            continue
        if set(parsed) == {"value"}:  # a line break in the text could have smuggled in a second key
            yield parsed["value"]
    with contextlib.suppress(ValueError):
        yield float(text)  # .5 and 1. are numbers to Python, and not to TOML
    yield text


# --- help -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """One line of a configuration's help."""

    key: str
    """Dotted, as ``--set`` takes it."""
    type: str
    """What it may be, in words."""
    default: Any
    """Its default as plain data, or ``dataclasses.MISSING`` where a value is required."""
    help: str
    """The field's docstring, as one line."""


def describe(cls: type, default: Any = None, where: str = "") -> list[Setting]:
    """Every setting of the dataclass ``cls`` in the order of its fields, nested ones with dotted keys.

    Args:
        cls: a configuration class.
        default: an instance whose values are shown as defaults instead of the class's own.
        where: dotted prefix of the keys.
    """
    rows: list[Setting] = []
    helps = _docstrings(cls)
    for name, (field, kind) in _settings(cls).items():
        key = _dotted(where, name)
        value = _default(field) if default is None else getattr(default, name)
        table = _table_of(kind)
        if not is_dataclass(table):
            rows.append(Setting(key, words(kind), _plain(value), helps.get(name, "")))
            continue
        if value is None:
            rows.append(Setting(key, words(kind), None, helps.get(name, "")))
        rows += describe(cast(type, table), value if isinstance(value, cast(type, table)) else None, key)
    return rows


def _docstrings(cls: type) -> dict[str, str]:
    """The strings that stand below the fields, base classes included; empty where there is no source to read."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__[:-1]):
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        except (OSError, TypeError, SyntaxError):
            continue
        body = cast(ast.ClassDef, tree.body[0]).body
        for statement, below in itertools.pairwise(body):
            if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
                continue
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                found[statement.target.id] = " ".join(str(below.value.value).split())
    return found


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
    if is_dataclass(kind) or _is_mapping(kind):
        return ["a table"]
    return ["anything"] if kind is Any else [_WORDS.get(kind, str(kind))]


# --- shared by all of the above -------------------------------------------------------------------------------------


def _settings(cls: type) -> dict[str, tuple[Field[Any], Any]]:
    """{name: (field, annotation)} of the fields that ``cls()`` takes."""
    if not (isinstance(cls, type) and is_dataclass(cls)):
        raise TypeError(f"a configuration class is a frozen dataclass, and {cls!r} is none")
    hints = get_type_hints(cls)
    return {field.name: (field, hints[field.name]) for field in fields(cls) if field.init}


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _is_mapping(kind: Any) -> bool:
    origin = get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _value_kind(kind: Any) -> Any:
    return get_args(kind)[1] if get_args(kind) else Any


def _dotted(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _wrong_type(value: Any, kind: Any, key: str) -> ConfigError:
    close = ""
    if get_origin(kind) is Literal and isinstance(value, str):
        close = did_you_mean(value, [choice for choice in get_args(kind) if isinstance(choice, str)])
    return ConfigError(f"{key} must be {words(kind)}, not {_shown(value)}.", have=close)


def _unknown(key: str, name: str, allowed: Iterable[str], where: str) -> ConfigError:
    names = list(allowed)
    close = did_you_mean(name, names)
    return ConfigError(
        f"there is no setting {key!r}.",
        have=f"Settings{f' in {where}' if where else ''}: {', '.join(names) or 'none'}. {close}".strip(),
    )
