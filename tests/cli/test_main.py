"""The frame of the command line: help, version, and what becomes of every kind of error."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from imtrans import registry
from imtrans.cli.main import BUG, INTERRUPTED, app, main
from imtrans.errors import TrainingError, UsageError
from imtrans.version import __version__

COMMANDS = (
    "run",
    "train",
    "evaluate",
    "export",
    "inspect",
    "convert",
    "runs",
    "doctor",
    "models",
    "plugins",
    "kernels",
    "data",
)


def imtrans(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "imtrans", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)


def leave(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    """The exit status of ``imtrans models`` when listing plugins raises ``error``."""

    def fail() -> None:
        raise error

    monkeypatch.setattr(registry, "entries", fail)
    monkeypatch.setattr(sys, "argv", ["imtrans", "models"])
    with pytest.raises(SystemExit) as leaving:
        main()
    assert isinstance(leaving.value.code, int)
    return leaving.value.code


def test_help_names_every_command() -> None:
    done = imtrans("--help")
    assert done.returncode == 0
    assert all(f"\n  {command} " in done.stdout for command in COMMANDS)
    assert done.stderr == ""


@pytest.mark.parametrize(
    "group", [(), *((name,) for name in ("data", "prepare", "runs", "models", "plugins", "kernels"))]
)
def test_what_commands_do_fits_into_a_line(group: tuple[str, ...]) -> None:
    told = CliRunner().invoke(app, [*group, "--help"], env={"COLUMNS": "80"}).stdout
    assert "..." not in told.partition("Commands:")[2]


@pytest.mark.parametrize("command", ["run", "generate", "project", "train", "evaluate", "export", "prepare blur"])
def test_every_example_has_a_line_of_its_own(command: str) -> None:
    told = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "120"}).stdout
    assert "\n  For example:\n" in told


@pytest.mark.parametrize(
    "command", [command for command in COMMANDS if command not in ("kernels", "data", "runs")]
)  # mere groups
def test_every_command_has_help_with_an_example(command: str) -> None:
    done = imtrans(command, "--help", COLUMNS="200")
    assert done.returncode == 0
    assert f"imtrans {command}" in done.stdout.partition("Usage:")[2].partition("\n")[2]


def test_version() -> None:
    assert imtrans("--version").stdout == f"imtrans {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("models",),
        ("models", "show", "cyclegan"),
        ("plugins",),
        ("run", "--help"),
        ("evaluate", "--help"),
        ("data", "check", "--help"),
        ("runs", "--help"),
        ("inspect", "--help"),
        ("convert", "--help"),
    ],
)
def test_listing_never_imports_torch(arguments: tuple[str, ...]) -> None:
    code = (
        "import atexit, sys\n"
        "heavy = {'torch', 'numpy', 'PIL'}\n"
        "atexit.register(lambda: print('heavy:', sorted(heavy & set(sys.modules)), file=sys.stderr))\n"
        "from imtrans.cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert "heavy: []" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="processor time of POSIX")
@pytest.mark.parametrize("arguments", [("--help",), ("models",), ("plugins",)])
def test_listing_takes_less_than_half_a_second(arguments: tuple[str, ...]) -> None:
    """Of the processor, so that other work on the machine does not count; on an idle one it is what a user waits."""
    import resource

    def processor_time() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    def seconds() -> float:
        before = processor_time()
        assert imtrans(*arguments).returncode == 0
        return processor_time() - before

    assert min(seconds() for _ in range(4)) < 0.5


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("models", "--nonsense"), ("models", "show"), ("models", "show", "nonsense"), ()]
)
def test_usage_errors_leave_with_2(arguments: tuple[str, ...]) -> None:
    done = imtrans(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_an_error_prints_its_three_parts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave(monkeypatch, TrainingError("it broke.", have="these exist.", hint="type that.\nor this.")) == 1
    printed = capsys.readouterr()
    assert printed.err == "error: it broke.\n  these exist.\n  type that.\n  or this.\n"
    assert printed.out == ""


def test_an_error_leaves_with_its_own_status(monkeypatch: pytest.MonkeyPatch) -> None:
    assert leave(monkeypatch, UsageError("it cannot mean anything.")) == 2


def test_an_error_cannot_repaint_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    leave(monkeypatch, UsageError("a file called \x1b[31mred\x07."))
    assert capsys.readouterr().err == "error: a file called \\x1b[31mred\\x07.\n"


def test_debugging_shows_where_an_error_came_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMTRANS_DEBUG", "1")
    leave(monkeypatch, UsageError("it cannot mean anything."))
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave(monkeypatch, KeyboardInterrupt()) == INTERRUPTED
    assert capsys.readouterr().err == "Interrupted.\n"


def test_a_bug_asks_for_a_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert leave(monkeypatch, KeyError("lost")) == BUG
    printed = capsys.readouterr().err
    (log,) = folder.glob("imtrans-*.log")
    assert "KeyError: 'lost'" in printed
    assert str(log) in printed
    assert "Traceback" not in printed
    assert "Traceback" in log.read_text(encoding="utf-8")


def test_debugging_shows_a_bug(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("IMTRANS_DEBUG", "1")
    assert leave(monkeypatch, KeyError("lost")) == BUG
    assert "Traceback" in capsys.readouterr().err


def test_a_bug_on_a_machine_without_a_temporary_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent/folder")
    assert leave(monkeypatch, KeyError("lost")) == BUG
    assert "IMTRANS_DEBUG=1" in capsys.readouterr().err


def test_a_full_disk_is_no_bug(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave(monkeypatch, OSError(28, "No space left on device", "out.png")) == 1
    assert capsys.readouterr().err == "error: No space left on device: out.png\n"


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_reader_that_left_is_no_news() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "imtrans", "models", "show", "cyclegan"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert done.stderr == ""


def test_output_for_programs_is_whole_json() -> None:
    assert json.loads(imtrans("models", "--json").stdout)


@pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")
@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colour_on_a_terminal_unless_refused(environment: dict[str, str], coloured: bool) -> None:
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "imtrans", "models", "show", "nonsense"]
    base = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    settings = {**base, "TERM": "xterm", **environment}
    done = subprocess.run(command, stderr=theirs, stdout=subprocess.PIPE, env=settings, check=False)
    os.close(theirs)
    printed = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 2
    assert "no model called 'nonsense'" in printed
    assert ("\x1b[1;31m" in printed) is coloured
