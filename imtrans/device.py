"""Where a network runs and in which precision: the user's words against what this machine has."""

from __future__ import annotations

import torch

from imtrans.errors import DeviceError, UsageError, did_you_mean

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""The precisions by the names that users type."""


def choose_device(wanted: str | torch.device) -> torch.device:
    """``"auto"`` (CUDA where there is a device), ``"cpu"``, ``"cuda"`` or ``"cuda:N"`` as a torch device.

    Raises:
        UsageError: the word means no device.
        DeviceError: there is no such device here; the message names those that exist.
    """
    name = str(wanted)
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, colon, index = name.partition(":")
    if kind not in ("cpu", "cuda") or (colon and not (kind == "cuda" and index.isdecimal() and index.isascii())):
        raise UsageError(
            f"there is no device called {name!r}.",
            have=f"Here there are {_existing()}. {did_you_mean(name, ('auto', 'cpu', 'cuda'))}".strip(),
            hint="Say auto, cpu, cuda or cuda:N.",
        )
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "cuda" and int(index or 0) >= count:
        raise DeviceError(
            f"there is no device {name!r} here.",
            have=f"Here there are {_existing()}. {_why_no_cuda()}".strip(),
            hint="Say --device auto (in Python: device='auto') to take the best one there is.",
        )
    return torch.device(name)


def choose_precision(wanted: str, device: torch.device, offered: tuple[str, ...]) -> str:
    """The precision to compute in: as wanted, or for ``"auto"`` bf16 where the hardware computes in it, else fp32.

    Args:
        wanted: ``"auto"``, ``"fp32"``, ``"bf16"`` or ``"fp16"``.
        device: where the network will run.
        offered: the precisions in which the network gives sound pictures, from its card.

    Raises:
        UsageError: the word is no precision, or the network does not offer it.
    """
    if wanted == "auto":
        return "bf16" if "bf16" in offered and computes_bf16(device) else "fp32"
    if wanted not in DTYPES:
        raise UsageError(
            f"there is no precision called {wanted!r}.",
            have=f"There are auto, {', '.join(DTYPES)}.",
            hint="Leave --precision away to let the hardware decide.",
        )
    if wanted not in offered:
        raise UsageError(
            f"this model gives no sound pictures in {wanted}.",
            have=f"It runs in {', '.join(offered)}.",
            hint="Leave --precision away, or name one of these.",
        )
    return wanted


def computes_bf16(device: torch.device) -> bool:
    """Whether the hardware has bf16 arithmetic; emulation would be slower than fp32."""
    if device.type == "cuda":
        with torch.cuda.device(device):
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(bool(capabilities.get(name)) for name in ("avx512_bf16", "amx_bf16"))


def _existing() -> str:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return ", ".join(["cpu", *(f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(count))])


def _why_no_cuda() -> str:
    if torch.version.cuda is None:
        return f"This torch ({torch.__version__}) is built without CUDA."
    return "" if torch.cuda.is_available() else "torch sees no CUDA device."
