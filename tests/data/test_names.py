from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from imtrans.data.names import list_pictures, natural_key, shown


def test_numbers_sort_as_numbers() -> None:
    names = ["page10.png", "page2.png", "Page1.png", "a/2.png", "a/10.png", "7.png", "x.png"]
    ordered = [str(path) for path in sorted(map(Path, names), key=natural_key)]
    assert ordered == ["7.png", "a/2.png", "a/10.png", "Page1.png", "page2.png", "page10.png", "x.png"]


@settings(deadline=None)
@given(st.lists(st.text(st.characters(blacklist_characters="\0/", codec="utf-8"), min_size=1), min_size=2))
def test_the_order_is_total(names: list[str]) -> None:
    paths = [Path(name) for name in names]
    backwards = paths[::-1]
    assert sorted(paths, key=natural_key) == sorted(backwards, key=natural_key)


def test_hostile_names_are_made_printable() -> None:
    assert shown("ok ü.png") == "ok ü.png"
    assert shown("a\x1b[31m\n\udcff.png") == "a?[31m??.png"


def test_folders_list_pictures_only(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "notes.txt", ".hidden.png", "sub/c.webp", ".cache/d.png", "fake.png/e.gif"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [str(p.relative_to(tmp_path)) for p in list_pictures(tmp_path)] == ["a.png", "b.JPG"]
    deep = [str(p.relative_to(tmp_path)) for p in list_pictures(tmp_path, recursive=True)]
    assert deep == ["a.png", "b.JPG", "fake.png/e.gif", "sub/c.webp"]
