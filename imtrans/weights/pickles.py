"""What a pickle would import, told from its opcodes alone; the pickle itself is never loaded here.

``torch.load(weights_only=True)`` refuses on its own whatever could run code. Looking first has two reasons: the error
can name what the file wanted, in every pickle protocol, and the list below is ours, so that nothing another package
adds to torch's own list for the whole process makes a stranger's checkpoint more trusted.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

from imtrans.errors import UnsafeCheckpointError, WeightsError

TORCH_MAGIC = 0x1950A86A20F9469CFC6C
"""The number that torch's format before 1.6 begins with, as a pickle of its own."""

MAX_OPCODES = 2_000_000
"""A network of a thousand tensors takes about 30,000."""

MAX_PICKLES = 5
"""Torch's old format is five pickles (magic number, protocol, system, object, storage keys) before the raw numbers."""

SETTINGS = "models.utils.config.BaseConfig"
"""A class for settings in the files of pytorch_GAN_zoo; :mod:`imtrans.weights.reader` has a stand-in without code."""

ALLOWED = frozenset(
    {
        SETTINGS,
        "__builtin__.set",
        "_codecs.encode",
        "argparse.Namespace",
        "builtins.set",
        "collections.Counter",
        "collections.OrderedDict",
        "torch.Size",
        "torch.Tensor",
        "torch._tensor._rebuild_from_type_v2",
        "torch._utils._rebuild_parameter",
        "torch._utils._rebuild_parameter_with_state",
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_tensor_v3",
        "torch.device",
        "torch.nn.parameter.Parameter",
        "torch.serialization._get_layout",
        "torch.storage.UntypedStorage",
    }
)
"""Everything that plain tensors and containers need, and settings, which are not looked at; dtypes and storages of the
module torch are allowed besides."""

NUMPY = frozenset(
    {
        "__builtin__.tuple",
        "_codecs.encode",
        "builtins.tuple",
        "collections.OrderedDict",
        "numpy._core.multiarray._reconstruct",
        "numpy._core.multiarray.scalar",
        "numpy._core.numeric._frombuffer",
        "numpy.core.multiarray._reconstruct",
        "numpy.core.multiarray.scalar",
        "numpy.core.numeric._frombuffer",
        "numpy.dtype",
        "numpy.ndarray",
    }
)
"""What NumPy's arrays need in every version; :mod:`imtrans.weights.foreign.arrays` has a stand-in for each."""

_DTYPES = re.compile(r"bool|double|half|float|int|long|short|bfloat16|u?int\d+|float\d+(_e\dm\d\w*)?|complex\d+")
_UNNAMED = "something that it names only while it runs"


def check(stream: BinaryIO, where: object, harmless: Callable[[str], bool] | None = None) -> None:
    """Refuse the pickles at the start of ``stream`` if they would import anything but tensors and containers.

    Args:
        stream: positioned at the first opcode.
        where: the file's name, for the message.
        harmless: says of a dotted name whether it may be imported; None for :func:`is_harmless`.

    Raises:
        UnsafeCheckpointError: names every such import.
        WeightsError: the pickle is too long to be a checkpoint's.
    """
    harmless = harmless or is_harmless
    wanted = sorted({name for name in imports(stream, where) if not harmless(name)})
    if wanted:
        shown = ", ".join(wanted[:5]) + (f" and {len(wanted) - 5} more" if len(wanted) > 5 else "")
        raise UnsafeCheckpointError(
            f"{where} wants to run code while it is read: {shown}. Nothing of it was run.",
            have="A checkpoint that can be read safely holds tensors in dictionaries, and nothing else.",
            hint="Ask its authors for safetensors, or, where you trust the file, save the state dict alone in the "
            "project that made it: torch.save(network.state_dict(), 'weights.pth').",
        )


def is_harmless(name: str) -> bool:
    """Whether the dotted ``name`` is one of :data:`ALLOWED`, a dtype or a storage of torch."""
    module, _, attribute = name.rpartition(".")
    return name in ALLOWED or (
        module == "torch" and (attribute.endswith("Storage") or _DTYPES.fullmatch(attribute) is not None)
    )


def imports(stream: BinaryIO, where: object = "the pickle") -> Iterator[str]:
    """Dotted names of what the pickles at the start of ``stream`` would import, up to the first that is malformed."""
    budget = MAX_OPCODES
    for _ in range(MAX_PICKLES):
        strings = _Strings()
        try:
            for opcode, argument, _ in pickletools.genops(stream):
                if opcode.name in ("GLOBAL", "INST"):
                    yield str(argument).replace(" ", ".", 1)
                elif opcode.name == "STACK_GLOBAL":
                    yield strings.last_two_joined()
                elif opcode.name.startswith("EXT"):
                    yield f"copyreg extension {argument}"
                strings.see(opcode.name, argument)
                budget -= 1
                if budget < 0:
                    raise WeightsError(f"{where} holds a pickle of more than {MAX_OPCODES:,} steps, so no checkpoint.")
        except (ValueError, EOFError, IndexError, KeyError):  # the raw numbers begin, or the pickle is broken
            return


def check_notes(stream: BinaryIO, where: object) -> None:
    """Refuse a pickle whose notes have numbers so high that the unpickler, which keeps a table of them, fills memory.

    Args:
        stream: positioned at the first opcode.
        where: the file's name, for the message.

    Raises:
        WeightsError: it does.
    """
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            if "PUT" in opcode.name and isinstance(argument, int) and argument > MAX_OPCODES:
                raise WeightsError(f"{where} holds a pickle with a note numbered {argument:,}, so no checkpoint.")
    except (ValueError, EOFError, IndexError, KeyError):  # broken, as its reader will say
        return


def is_torch_legacy(stream: BinaryIO) -> bool:
    """Whether ``stream`` begins with the magic number of torch's format before 1.6."""
    try:
        return any(argument == TORCH_MAGIC for _, argument, _ in pickletools.genops(stream))
    except (ValueError, EOFError, IndexError, KeyError):
        return False


class _Strings:
    """The strings that a pickle has pushed, as far as it takes to name what STACK_GLOBAL imports."""

    def __init__(self) -> None:
        self.pushed: list[str] = []
        self.memo: dict[int, str | None] = {}
        self.latest: str | None = None

    def see(self, name: str, argument: object) -> None:
        """Follow one opcode."""
        if name == "MEMOIZE":
            self.memo[len(self.memo)] = self.latest
        elif "PUT" in name and isinstance(argument, int):
            self.memo[argument] = self.latest
        else:
            recalled = "GET" in name and isinstance(argument, int)
            value = self.memo.get(argument) if recalled and isinstance(argument, int) else argument
            self.latest = (
                value if isinstance(value, str) and ("UNICODE" in name or "STRING" in name or recalled) else None
            )
            if self.latest is not None:
                self.pushed = [*self.pushed[-1:], self.latest]

    def last_two_joined(self) -> str:
        """``"module.name"`` of the two strings pushed last."""
        return ".".join(self.pushed) if len(self.pushed) == 2 else _UNNAMED
