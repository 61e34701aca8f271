"""Frozen dataclasses <-> TOML and plain data, with strict keys and ``key=value`` overrides.

A configuration is a frozen dataclass whose fields are ``bool``, ``int``, ``float``, ``str``, ``Path``, ``Literal``,
``tuple``, ``Mapping[str, ...]``, other such dataclasses, and unions of these with ``None``. Its docstrings are its
help: the string below a field is what ``imtrans models show`` prints.

TOML has no null. A field that is None is left out of the file where None is its default, and is written as the word
``none`` elsewhere. So in a field that may be None, the string ``"none"`` means None, unless ``Literal`` lists it.
"""

from __future__ import annotations

from imtrans.config.annotations import words
from imtrans.config.convert import from_dict, from_toml, read_toml, to_dict, to_toml
from imtrans.config.help import Setting, describe
from imtrans.config.overrides import override

__all__ = ["Setting", "describe", "from_dict", "from_toml", "override", "read_toml", "to_dict", "to_toml", "words"]
