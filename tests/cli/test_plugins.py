"""``imtrans plugins`` with everything broken at once, and ``imtrans plugins new``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def plugins(distributions, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``imtrans plugins`` in a process that sees the distributions."""
    command = [sys.executable, "-m", "imtrans", "plugins", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=distributions.environment, check=False)


@pytest.fixture
def menagerie(distributions):
    """One sound plugin among every kind of broken one."""
    sound = "from imtrans import Card, Ref\nr = Ref('a:b')\n"
    distributions.add_card("imtrans-sound", "sound", "fake_sound", version="1.2.3")
    distributions.add(
        "imtrans-raises", {"raises": "fake_raises:card"}, {"fake_raises": "raise RuntimeError('no luck')"}
    )
    distributions.add("imtrans-syntax", {"syntax": "fake_syntax:card"}, {"fake_syntax": "x = 1\ndef broken(:\n"})
    distributions.add(
        "imtrans-future",
        {"future": "fake_future:card"},
        {"fake_future": f"{sound}card = Card('future', 's', r, r, r, api=7)"},
    )
    distributions.add("imtrans-nocard", {"nocard": "fake_nocard:card"}, {"fake_nocard": "card = {'name': 'nocard'}"})
    distributions.add("imtrans-absent", {"absent": "fake_absent:card"})
    distributions.add("imtrans-exits", {"exits": "fake_exits:card"}, {"fake_exits": "import sys\nsys.exit('bye')"})
    distributions.add_card("imtrans-twin-a", "twin", "fake_twin_a", version="1.0")
    distributions.add_card("imtrans-twin-b", "twin", "fake_twin_b", version="2.0")
    return distributions


REASONS = {
    "raises": "RuntimeError while it was imported: no luck",
    "syntax": "SyntaxError while it was imported: ",
    "future": "it is written for plugin API 7, and this imtrans speaks API 1.",
    "nocard": "its entry point gives a dict, not an imtrans.Card.",
    "absent": "ModuleNotFoundError while it was imported: No module named 'fake_absent'",
    "exits": "SystemExit while it was imported: bye",
}


def test_every_broken_plugin_is_a_row_with_its_reason(menagerie) -> None:
    done = plugins(menagerie, "--json")
    assert done.returncode == 0
    rows = {row["distribution"]: row for row in json.loads(done.stdout)}
    assert rows["imtrans"]["status"] == rows["imtrans-sound"]["status"] == "ok"
    assert rows["imtrans-sound"]["version"] == "1.2.3"
    for name, reason in REASONS.items():
        assert rows[f"imtrans-{name}"]["status"] == "broken"
        assert rows[f"imtrans-{name}"]["reason"].startswith(reason)
    assert "fake_syntax.py, line 2" in rows["imtrans-syntax"]["reason"]
    for distribution in ("imtrans-twin-a", "imtrans-twin-b"):
        assert rows[distribution]["status"] == "shared"
        assert f"'{distribution}:twin'" in rows[distribution]["reason"]


def test_the_table_says_the_same_without_a_traceback(menagerie) -> None:
    done = plugins(menagerie)
    assert done.returncode == 0
    assert "Traceback" not in done.stdout + done.stderr
    for name, reason in REASONS.items():
        (row,) = [line for line in done.stdout.splitlines() if line.startswith(f"{name} ")]
        assert f"broken: {reason}" in row
    assert len([line for line in done.stdout.splitlines() if line.startswith("twin ")]) == 2


def test_new_says_what_to_do_next(distributions, tmp_path: Path) -> None:
    done = plugins(distributions, "new", "mymodel", "--output", str(tmp_path / "src"))
    assert done.returncode == 0
    assert f"pip install -e {tmp_path / 'src' / 'imtrans-mymodel'}" in done.stdout


def test_new_refuses_in_words_on_the_command_line(distributions) -> None:
    done = plugins(distributions, "new", "../up")
    assert done.returncode == 2
    assert done.stderr.startswith("error: '../up' cannot be the name of a plugin.")
