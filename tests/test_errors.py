"""Errors carry three parts, survive pickling, and leave with their status."""

from __future__ import annotations

import copy
import pickle

import pytest

from imtrans import errors
from imtrans.errors import ImtransError, did_you_mean

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ImtransError)]


def test_the_three_parts_stand_on_lines() -> None:
    error = ImtransError("what.", have="have.", hint="hint.")
    assert str(error) == "what.\nhave.\nhint."
    assert str(ImtransError("what.", hint="hint.")) == "what.\nhint."
    assert (error.what, error.have, error.hint) == ("what.", "have.", "hint.")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_survives_pickling(kind: type[ImtransError]) -> None:
    error = kind("what.", have="have.", hint="hint.")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is kind
        assert (again.what, again.have, again.hint) == (error.what, error.have, error.hint)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_usage_leaves_with_2_and_all_else_with_1(kind: type[ImtransError]) -> None:
    assert kind.exit_status == (2 if issubclass(kind, errors.UsageError) else 1)


def test_did_you_mean() -> None:
    assert did_you_mean("cyclgan", ["cyclegan", "pix2pix"]) == "Did you mean 'cyclegan'?"
    assert did_you_mean("xyz", ["cyclegan"]) == ""
    assert did_you_mean("xyz", iter([])) == ""
