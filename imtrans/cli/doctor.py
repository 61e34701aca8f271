"""``imtrans doctor``: what imtrans finds on this machine, what is wrong with it, and what to do about it."""

from __future__ import annotations

import importlib
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from imtrans.cli.options import Json
from imtrans.cli.printing import plain, print_heading, print_json, print_table
from imtrans.version import __version__

if TYPE_CHECKING:
    from imtrans.ops.operator import Check

OLDEST_PYTHON = (3, 10)

INSTRUCTIONS = ("avx2", "fma", "avx512f", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16")
"""Instruction sets, as Linux names them, that decide how fast networks run."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    section: str
    name: str
    value: str
    state: Literal["ok", "warning", "failed"] = "ok"
    """``warning``: imtrans works, but slower or with something missing. ``failed``: something does not work."""
    hint: str = ""
    """What to type or do next."""


def doctor(
    ops: Annotated[bool, typer.Option("--ops", help="Also check every fused operator against float64.")] = False,
    json: Json = False,
) -> None:
    """Look at versions, processor, GPUs, native kernels and plugins; the exit status is 1 when something fails.

    For example:

        imtrans doctor --ops
    """
    findings = examine(ops)
    failed = any(finding.state == "failed" for finding in findings)
    if json:
        print_json({"ok": not failed, "findings": [asdict(finding) for finding in findings]})
    else:
        _print(findings)
    if failed:
        raise typer.Exit(1)


def examine(ops: bool = False) -> list[Finding]:
    """Everything that is to be said about this machine; ``ops`` adds the operators and their self-checks."""
    findings = list(_versions())
    if all(finding.state == "ok" for finding in findings):
        looks: list[Callable[[], Iterator[Finding]]] = [_processor, _gpus, _kernels, _plugins]
        looks += [_operators] if ops else []
    else:
        looks = [_plugins]
    for look in looks:
        findings += look()
    return findings


def _versions() -> Iterator[Finding]:
    section = "Versions"
    python = platform.python_version()
    yield Finding(section, "imtrans", f"{__version__} in {Path(__file__).resolve().parents[1]}")
    if sys.version_info < OLDEST_PYTHON:
        yield Finding(section, "python", python, "failed", "imtrans needs Python 3.10 or later.")
    else:
        yield Finding(section, "python", f"{python} in {sys.prefix}")
    for module, distribution in (("torch", "torch"), ("numpy", "numpy"), ("PIL", "pillow"), ("safetensors",) * 2):
        yield _import(section, module, distribution)


def _import(section: str, module: str, distribution: str) -> Finding:
    try:
        version = str(importlib.import_module(module).__version__)
    except Exception as error:  # a broken installation may raise anything, OSError for a missing library above all
        first_line = (str(error).splitlines() or [""])[0]
        return Finding(
            section,
            distribution,
            f"cannot be imported: {type(error).__name__}: {first_line}",
            "failed",
            f"Install it again: pip install --force-reinstall {distribution}",
        )
    return Finding(section, distribution, version)


def _processor() -> Iterator[Finding]:
    import torch

    section = "Processor"
    model, flags = _cpuinfo()
    known = [name for name in INSTRUCTIONS if name in flags]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = torch.get_num_threads()
    yield Finding(section, "model", model or platform.machine())
    yield Finding(section, "instructions", ", ".join(known) or platform.machine())
    yield Finding(section, "used by torch", torch.backends.cpu.get_cpu_capability())
    yield Finding(section, "cores", str(cores))
    if threads > cores:
        hint = f"More threads than cores slow each other down: OMP_NUM_THREADS={cores}"
        yield Finding(section, "threads", str(threads), "warning", hint)
    else:
        yield Finding(section, "threads", str(threads))


def _cpuinfo() -> tuple[str, set[str]]:
    """Model name and flags of the first processor, empty where the system does not tell."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor(), set()
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", text, re.MULTILINE)
    return (model[1].strip() if model else ""), set(flags[1].split() if flags else ())


def _gpus() -> Iterator[Finding]:
    import torch

    section = "GPUs"
    if torch.version.cuda is None:
        yield Finding(section, "CUDA", "this torch is built without CUDA")
        return
    if not torch.cuda.is_available():
        yield Finding(
            section,
            "CUDA",
            f"torch has CUDA {torch.version.cuda}, but sees no usable GPU",
            "warning",
            "Where there is a GPU, look at nvidia-smi: its driver may be missing or too old for this CUDA.",
        )
        return
    yield Finding(section, "CUDA", str(torch.version.cuda))
    for index in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(index)
        memory = f"{gpu.total_memory / 2**30:.0f} GiB"
        yield Finding(section, f"cuda:{index}", f"{gpu.name}, {memory}, compute capability {gpu.major}.{gpu.minor}")


def _kernels() -> Iterator[Finding]:
    yield from _library()
    yield from _compilers()
    yield _cache()


def _library() -> Iterator[Finding]:
    import logging

    from imtrans.ops import status
    from imtrans.ops.build import find_library

    section = "Native kernels"
    logging.getLogger("imtrans.ops").setLevel(logging.ERROR)  # what it warns of stands in the table
    library, found = status().library, find_library()
    if library.reason is not None:
        state: Literal["warning", "failed"] = "warning" if found is None else "failed"
        hint = (
            "Build them: imtrans kernels build" if found is None else "Build them again: imtrans kernels build --force"
        )
        yield Finding(section, "library", f"none: {library.reason}", state, hint)
        return
    yield Finding(section, "library", library.kind)
    yield Finding(section, "path", str(library.path))
    if found is not None and found.path == library.path:
        recipe = found.recipe
        yield Finding(section, "key", recipe.key)
        cuda = f"and nvcc {recipe.cuda}" if recipe.cuda else "without CUDA"
        yield Finding(section, "built with", f"{recipe.compiler} {cuda}, for torch {recipe.torch}")
    yield Finding(section, "instruction set", library.cpu_capability or "unknown")


def _compilers() -> Iterator[Finding]:
    from imtrans.errors import BuildError
    from imtrans.ops.native.toolchain import find_nvcc, find_toolchain

    section = "Native kernels"
    try:
        toolchain = find_toolchain(cuda=False)
    except BuildError as error:
        yield Finding(section, "compiler", error.what, "warning", error.hint)
    else:
        yield Finding(section, "compiler", f"{toolchain.cxx_version} at {' '.join(toolchain.cxx)}")
    yield Finding(section, "nvcc", find_nvcc() or "none")


def _cache() -> Finding:
    from imtrans.ops.build import cache_folder

    folder = cache_folder()
    existing = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    if existing.is_dir() and os.access(existing, os.W_OK):
        return Finding("Native kernels", "cache", str(folder))
    hint = "Name a folder that you may write to: IMTRANS_CACHE=/some/folder"
    return Finding("Native kernels", "cache", f"{folder} cannot be written", "warning", hint)


def _plugins() -> Iterator[Finding]:
    from imtrans import registry

    section = "Plugins"
    entries = registry.entries()
    for entry in entries:
        origin = f"{entry.distribution} {entry.version}"
        if entry.card is not None:
            yield Finding(section, entry.label, f"{origin}; {entry.reason}" if entry.reason else origin)
        else:
            hint = f"Update or remove it: pip install -U {entry.distribution}, pip uninstall {entry.distribution}"
            yield Finding(section, entry.label, f"{origin}: {entry.reason}", "failed", hint)
    if not entries:
        hint = "Install imtrans again: its own models register themselves as plugins."
        yield Finding(section, "models", "none are registered", "failed", hint)


def _operators() -> Iterator[Finding]:
    from imtrans.ops import self_check, status

    operators = status().operators
    for device in operators[0].unavailable if operators else ():
        try:
            checks = self_check(device)
        except Exception as error:  # a broken kernel may raise anything; the report must still come out
            yield Finding("Operators", f"self-check on {device}", f"{type(error).__name__}: {error}", "failed")
            continue
        for operator in operators:
            reason = operator.unavailable[device]
            name = f"{operator.name} on {device}"
            if reason is not None:
                yield Finding("Operators", name, f"reference in PyTorch: {reason}", "warning")
            else:
                yield _judge(name, ", ".join(operator.dtypes[device]), checks[operator.name])


def _judge(name: str, dtypes: str, checks: list[Check]) -> Finding:
    failed = [check for check in checks if not check.passed]
    if not checks or failed:
        cases = "; ".join(f"{each.case}: error {each.error:.1e}, allowed {each.tolerance:.0e}" for each in failed[:3])
        value = f"{len(failed)} of {len(checks)} checks failed: {cases}" if checks else "there was nothing to check"
        hint = "Go without it: --backend reference; then please report this output."
        return Finding("Operators", name, value, "failed", hint)
    worst = max(checks, key=lambda check: check.error / check.tolerance)
    value = f"fused ({dtypes}); {len(checks)} checks against float64, the worst: {worst.case}, {worst.error:.1e}"
    return Finding("Operators", name, value)


def _print(findings: list[Finding]) -> None:
    marks: dict[str, str] = {"ok": "", "warning": "(!) ", "failed": "FAILED: "}
    for section in dict.fromkeys(finding.section for finding in findings):
        print_heading(section)
        chosen = [finding for finding in findings if finding.section == section]
        print_table(("", ""), [(each.name, marks[each.state] + each.value) for each in chosen])
        for each in chosen:
            if each.hint:
                print(f"  {plain(each.name)}: {plain(each.hint)}")
    failed = sum(finding.state == "failed" for finding in findings)
    print(f"\n{failed} failed." if failed else "\nNothing failed.")
