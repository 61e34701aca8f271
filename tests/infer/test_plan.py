"""What inputs stand for, and where results go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imtrans.errors import InputError, UsageError
from imtrans.infer.plan import OUTPUT, collect, plan


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with some pictures by name."""
    monkeypatch.chdir(tmp_path)
    for name in ("in/10.png", "in/2.JPG", "in/notes.txt", "in/deep/er/3.webp", "in/deep/4.gif", "other/2.JPG", "a.gif"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def found(*inputs: str, recursive: bool = False) -> list[str]:
    return [str(source.path) for source in collect(inputs, recursive=recursive)]


def targets(*inputs: str, output: str | None = None, recursive: bool = False, **options: str | bool) -> list[str]:
    sources = collect(inputs, recursive=recursive)
    return [str(job.target) for job in plan(sources, Path(output) if output else None, **options)]  # type: ignore[arg-type]


def refusal(*inputs: str, output: str | None = None, recursive: bool = False, **options: str | bool) -> str:
    with pytest.raises(UsageError) as caught:
        targets(*inputs, output=output, recursive=recursive, **options)
    return str(caught.value)


def test_inputs(folder: Path) -> None:
    assert found("in") == ["in/2.JPG", "in/10.png"]
    assert found("in/", recursive=True) == ["in/2.JPG", "in/10.png", "in/deep/4.gif", "in/deep/er/3.webp"]
    assert found("in/notes.txt") == ["in/notes.txt"]
    assert found("in/*") == ["in/2.JPG", "in/10.png"]
    assert found("in/**/*.gif", "in/**/3.*") == ["in/deep/4.gif", "in/deep/er/3.webp"]
    assert found("other", "in", "in/10.png", "./in/2.JPG") == ["other/2.JPG", "in/2.JPG", "in/10.png"]
    assert found(str(folder / "in" / "*.png")) == [str(folder / "in" / "10.png")]


def test_a_name_with_brackets_is_a_name_first(folder: Path) -> None:
    (folder / "[1].png").touch()
    (folder / "1.png").touch()
    assert found("[1].png") == ["[1].png"]
    (folder / "[1].png").unlink()
    assert found("[1].png") == ["1.png"]


def test_missing_files_are_kept_among_others_and_refused_alone(folder: Path) -> None:
    assert found("missing.png", "in") == ["missing.png", "in/2.JPG", "in/10.png"]
    assert "no file missing.png" in refusal("missing.png")
    assert "no picture matches *.bmp" in refusal("*.bmp")
    assert "any of the inputs" in refusal("missing.png", "*.bmp")
    assert "no input" in refusal()


def test_folders_without_pictures(folder: Path) -> None:
    (folder / "in" / "2.JPG").unlink()
    (folder / "in" / "10.png").unlink()
    message = refusal("in")
    assert "no picture in the folder in" in message
    assert "--recursive" in message
    (folder / "empty").mkdir()
    assert "--recursive" not in refusal("empty")
    assert "or below it" in refusal("empty", recursive=True)


def test_unreadable_folders_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", forbid)
    with pytest.raises(InputError, match="folder in cannot be listed: Permission denied"):
        collect(["in"])


def test_results_within_the_input_are_not_inputs(folder: Path) -> None:
    (folder / "imtrans-output").mkdir()
    (folder / "imtrans-output" / "old.png").touch()
    paths = [str(s.path) for s in collect(["."], recursive=True, leave_out=OUTPUT)]
    assert "in/10.png" in paths
    assert not [path for path in paths if "imtrans-output" in path]
    assert [str(s.path) for s in collect(["imtrans-output"], leave_out=OUTPUT)] == ["imtrans-output/old.png"]


def test_results_keep_name_format_and_folders(folder: Path) -> None:
    assert targets("in", "a.gif") == ["imtrans-output/2.JPG", "imtrans-output/10.png", "imtrans-output/a.png"]
    assert targets("in", output="o", recursive=True)[-2:] == ["o/deep/4.png", "o/deep/er/3.webp"]
    assert targets("in/**/*.webp", output="o") == ["o/deep/er/3.webp"]
    assert targets("in/notes.txt", output="o") == ["o/notes.txt.png"]


def test_formats(folder: Path) -> None:
    assert targets("in", output="o", kind="jpg") == ["o/2.JPG", "o/10.jpg"]
    assert targets("in", output="o", kind="webp") == ["o/2.webp", "o/10.webp"]
    assert "no format called 'gif'" in refusal("in", kind="gif")


def test_comparisons_have_names_of_their_own(folder: Path) -> None:
    assert targets("in", output="o", compare=True) == ["o/2-compare.JPG", "o/10-compare.png"]
    assert targets("a.gif", output="x.png", compare=True) == ["x.png"]


def test_output_of_a_single_picture_may_be_a_file(folder: Path) -> None:
    assert targets("a.gif", output="new/x.jpg") == ["new/x.jpg"]
    assert targets("a.gif", output="x.jpg", kind="jpg") == ["x.jpg"]
    (folder / "strange.png").mkdir()
    assert targets("a.gif", output="strange.png") == ["strange.png/a.png"]
    assert "names one picture, and there are 2" in refusal("in", output="x.png")
    assert "cannot be written as .gif" in refusal("a.gif", output="x.gif")
    assert "contradict" in refusal("a.gif", output="x.png", kind="jpg")


def test_two_results_for_one_file_are_refused(folder: Path) -> None:
    assert "in/2.JPG and other/2.JPG would both be written to o/2.JPG" in refusal("in", "other", output="o")
    (folder / "a.png").touch()
    assert "a.gif and a.png would both" in refusal("a.gif", "a.png", output="o")


def test_inputs_are_never_replaced(folder: Path) -> None:
    (folder / "link").symlink_to(folder / "in")
    for output in ("in", "link", "in/../in"):
        assert "would replace the input in/2.JPG" in refusal("in", output=output)
    (folder / "in" / "x.gif").touch()
    (folder / "x.png").touch()
    assert "in/x.gif would replace the input x.png" in refusal("in/x.gif", "x.png", output=".")
    assert "would replace" in refusal("in/10.png", output="in/10.png")
    assert targets("in/10.png", output="in", compare=True) == ["in/10-compare.png"]
