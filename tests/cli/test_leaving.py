"""With which status a command leaves."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import typer

from imtrans.cli.leaving import leave_after


@dataclass
class Outcome:
    """What became of many pictures."""

    interrupted: bool
    failed: int


@pytest.mark.parametrize(("interrupted", "failed", "status"), [(True, 0, 130), (True, 2, 130), (False, 2, 1)])
def test_statuses(interrupted: bool, failed: int, status: int) -> None:
    with pytest.raises(typer.Exit) as leaving:
        leave_after(Outcome(interrupted, failed))
    assert leaving.value.exit_code == status


def test_all_went_well() -> None:
    leave_after(Outcome(interrupted=False, failed=0))
