"""Which pictures are measured against which."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import folder

from imtrans.errors import InputError, UsageError
from imtrans.metrics.planning import domains, plan_folders, plan_held_out


def test_directions() -> None:
    assert domains("a2b") == ("A", "B")
    assert domains("b2a") == ("B", "A")
    with pytest.raises(UsageError, match="a direction is a2b or b2a, not 'ab'"):
        domains("ab")


def test_held_out_pictures_as_sets(tmp_path: Path) -> None:
    a, b = folder(tmp_path, "testA", [1, 2]), folder(tmp_path, "testB", [3, 4, 5])
    plan = plan_held_out(tmp_path, "b2a")
    assert not plan.paired
    assert not plan.could_pair
    assert [dict(job.files) for job in plan.jobs] == [{"input": b / f"{i}.png"} for i in (1, 2, 3)]
    assert [dict(job.files) for job in plan.targets] == [{"target": a / f"{i}.png"} for i in (1, 2)]
    assert len({job.name for job in (*plan.jobs, *plan.targets)}) == 5


def test_names_that_agree_are_said_but_not_taken_for_pairs(tmp_path: Path) -> None:
    folder(tmp_path, "A", [1, 2])
    folder(tmp_path, "B", [3, 4])
    plan = plan_held_out(tmp_path, "a2b")
    assert plan.could_pair
    assert not plan.paired
    assert not plan_held_out(tmp_path, "a2b", paired=False).could_pair


def test_held_out_pairs(tmp_path: Path) -> None:
    a, b = folder(tmp_path, "testA", [1, 2, 3]), folder(tmp_path, "testB", [3, 4], suffix=".bmp")
    plan = plan_held_out(tmp_path, "a2b", paired=True)
    assert plan.paired
    assert [dict(job.files) for job in plan.jobs] == [
        {"input": a / f"{i}.png", "target": b / f"{i}.bmp"} for i in (1, 2)
    ]
    assert plan.alone == {"input": [a / "3.png"]}
    assert len(plan_held_out(tmp_path, "a2b", paired=True, limit=1).jobs) == 1


def test_nothing_pairs(tmp_path: Path) -> None:
    folder(tmp_path, "testA", [1])
    (tmp_path / "testB").mkdir()
    (folder(tmp_path, "other", [1]) / "1.png").rename(tmp_path / "testB" / "x.png")
    with pytest.raises(InputError, match="no picture of testA has its partner in testB") as raised:
        plan_held_out(tmp_path, "a2b", paired=True)
    assert raised.value.have == "For example: 1.png and x.png."


def test_no_such_data(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        plan_held_out(tmp_path, "a2b")
    assert raised.value.hint == "Evaluation reads testA/ and testB/ (or A/ and B/) in --data."


def test_folders_pair_where_names_agree(tmp_path: Path) -> None:
    results, targets = folder(tmp_path, "r", [1, 2]), folder(tmp_path, "t", [3, 4, 5])
    inputs = folder(tmp_path, "i", [6, 7])
    plan = plan_folders(results, targets, inputs)
    assert plan.paired
    assert [sorted(job.files) for job in plan.jobs] == [["input", "result", "target"]] * 2
    assert plan.alone == {"target": [targets / "3.png"]}


def test_folders_as_sets(tmp_path: Path) -> None:
    results, targets = folder(tmp_path, "r", [1, 2]), folder(tmp_path, "t", [3, 4, 5])
    plan = plan_folders(results, targets, paired=False)
    assert not plan.paired
    assert (len(plan.jobs), len(plan.targets)) == (2, 3)
    assert plan.alone == {}


def test_inputs_of_other_names(tmp_path: Path) -> None:
    results, targets = folder(tmp_path, "r", [1]), folder(tmp_path, "t", [3])
    (tmp_path / "i").mkdir()
    (folder(tmp_path, "x", [1]) / "1.png").rename(tmp_path / "i" / "z.png")
    with pytest.raises(InputError, match=r"has its partner in .*i: pictures are paired by name"):
        plan_folders(results, targets, tmp_path / "i", paired=False)
