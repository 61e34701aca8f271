"""The help of a configuration, taken from its class: keys, what they may be, defaults, and the docstrings of fields."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from dataclasses import dataclass, is_dataclass
from typing import Any, cast

from imtrans.config.annotations import default_of, dotted, settings_of, table_of, words
from imtrans.config.convert import plain


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
    for name, (field, kind) in settings_of(cls).items():
        key = dotted(where, name)
        value = default_of(field) if default is None else getattr(default, name)
        table = table_of(kind)
        if not is_dataclass(table):
            rows.append(Setting(key, words(kind), plain(value), helps.get(name, "")))
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
