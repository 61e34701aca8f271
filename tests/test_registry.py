"""One broken plugin is one entry with a reason, and never stops another."""

from __future__ import annotations

import pytest

from imtrans import registry
from imtrans.errors import PluginError, UnknownNameError

GOOD = "from imtrans import Card, Ref\nr = Ref('a:b')\n"


def entry(name: str) -> registry.Entry:
    """The one entry called ``name``."""
    (found,) = [entry for entry in registry.entries() if entry.name == name]
    return found


def test_a_sound_plugin_is_found(distributions) -> None:
    distributions.add_card("imtrans-fine", "fine", "fake_fine", version="2.3")
    found = entry("fine")
    assert (found.distribution, found.version, found.target) == ("imtrans-fine", "2.3", "fake_fine:card")
    assert (found.reason, found.label) == ("", "fine")
    assert registry.find("fine") is found.card
    assert registry.find("imtrans-fine:fine") is found.card
    assert registry.cards()["fine"] is found.card


BROKEN = {
    "raises": ("raise RuntimeError('no GPU, no plugin\\nsecond line')", "RuntimeError while.*: no GPU, no plugin$"),
    "exits": ("raise SystemExit(3)", "SystemExit while it was imported: 3"),
    "silent": ("raise ValueError", "ValueError while it was imported: no message"),
    "mumbles": (
        "class Odd(Exception):\n    def __str__(self): raise KeyError\nraise Odd",
        "Odd while it was imported: no message",
    ),
    "syntax": ("def f(:\n", r"SyntaxError while it was imported: .*\(.*fake_syntax.py, line 1\)"),
    "nocard": ("card = 3", "gives a int, not an imtrans.Card"),
    "absent": ("", "AttributeError while it was imported"),
    "misses": ("import no_such_module", "ModuleNotFoundError.*no_such_module"),
    "newer": (f"{GOOD}card = Card('newer', 's', r, r, r, api=2)", "plugin API 2, and this imtrans speaks API 1"),
    "named": (f"{GOOD}card = Card('other', 's', r, r, r)", "card says 'other', its entry point 'named'"),
    "invalid": (f"{GOOD}card = Card('invalid', 's', r, r, r, scale=0)", "ValueError.*scale is at least 1"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_is_an_entry_with_its_reason(distributions, kind: str) -> None:
    source, reason = BROKEN[kind]
    distributions.add(f"imtrans-{kind}", {kind: f"fake_{kind}:card"}, {f"fake_{kind}": source})
    distributions.add_card("imtrans-fine", "fine", "fake_fine")
    found = entry(kind)
    assert found.card is None
    with pytest.raises(PluginError, match=reason):
        raise PluginError(found.reason)
    with pytest.raises(PluginError, match=rf"'{kind}' \(imtrans-{kind} 1.0\) cannot be used[\s\S]*pip uninstall"):
        registry.find(kind)
    assert kind not in registry.cards()
    assert "fine" in registry.cards()


def test_ctrl_c_is_no_fault_of_a_plugin(distributions) -> None:
    distributions.add("imtrans-stop", {"stop": "fake_stop:card"}, {"fake_stop": "raise KeyboardInterrupt"})
    with pytest.raises(KeyboardInterrupt):
        registry.entries()


def test_two_of_one_name_answer_to_their_full_names(distributions) -> None:
    distributions.add_card("imtrans-one", "twin", "fake_one")
    distributions.add_card("imtrans-two", "twin", "fake_two", version="2.0")
    twins = [entry for entry in registry.entries() if entry.name == "twin"]
    assert [twin.label for twin in twins] == ["imtrans-one:twin", "imtrans-two:twin"]
    assert all("2 plugins have this name" in twin.reason for twin in twins)
    with pytest.raises(PluginError, match=r"imtrans-one 1.0, imtrans-two 2.0[\s\S]*'imtrans-two:twin'"):
        registry.find("twin")
    assert registry.find("imtrans-two:twin") is twins[1].card
    assert {"imtrans-one:twin", "imtrans-two:twin"} <= set(registry.cards())
    assert "twin" not in registry.cards()


def test_unknown_names_list_what_exists(distributions) -> None:
    distributions.add_card("imtrans-fine", "finery", "fake_fine")
    with pytest.raises(UnknownNameError, match=r"'finary'[\s\S]*cyclegan, [\s\S]*finery[\s\S]*Did you mean 'finery'\?"):
        registry.find("finary")


def test_what_a_plugin_prints_stays_off_stdout(distributions, capsys: pytest.CaptureFixture[str]) -> None:
    distributions.add("imtrans-loud", {"loud": "fake_loud:card"}, {"fake_loud": "print('hello')"})
    registry.entries()
    assert capsys.readouterr().out == ""


def test_an_unreadable_file_of_ours_is_an_entry(distributions) -> None:
    distributions.add("imtrans-garbled", {})
    (info,) = distributions.folder.glob("*.dist-info")
    (info / "entry_points.txt").write_text("[imtrans.plugins]\nno equals sign\n")
    (found,) = [entry for entry in registry.entries() if entry.distribution == "imtrans-garbled"]
    assert found.card is None
    assert "entry_points.txt cannot be parsed" in found.reason


@pytest.mark.parametrize("content", [b"[console_scripts]\nno equals sign\n", b"\xff\xfe\xff"])
def test_unreadable_files_of_others_are_none_of_our_business(distributions, content: bytes) -> None:
    distributions.add("stranger", {})
    (info,) = distributions.folder.glob("*.dist-info")
    (info / "entry_points.txt").write_bytes(content)
    distributions.add_card("imtrans-fine", "fine", "fake_fine")
    found = registry.entries()
    assert "fine" in [entry.name for entry in found]
    assert "stranger" not in [entry.distribution for entry in found]


def test_a_distribution_without_metadata_still_shows(distributions) -> None:
    distributions.add_card("imtrans-bare", "bare", "fake_bare")
    (info,) = distributions.folder.glob("*.dist-info")
    (info / "METADATA").unlink()
    found = entry("bare")
    assert found.card is not None
    assert found.distribution


def test_the_first_of_two_copies_counts(distributions, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    distributions.add_card("imtrans-fine", "fine", "fake_fine", version="1.0")
    second = type(distributions)(tmp_path / "older")
    second.folder.mkdir()
    second.add_card("imtrans-fine", "fine", "fake_fine", version="0.9")
    monkeypatch.setattr("sys.path", [*__import__("sys").path, str(second.folder)])
    assert entry("fine").version == "1.0"
