"""Do a checkpoint's tensors fill a network, key by key?"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from imtrans.weights import layouts


def fitted(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """What older versions of PyTorch saved, brought to the keys that the network has; and notes on it.

    Args:
        tensors: a checkpoint's, under the authors' keys.
        expected: the network's state dict.
    """
    kept, statistics_notes = layouts.drop_legacy_statistics(tensors, expected.keys())
    kept = layouts.restore_batch_counts(kept, expected.keys())
    kept, norm_notes = layouts.restore_spectral_norms(kept, expected.keys())
    return kept, (*statistics_notes, *norm_notes)


def misfits(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> list[str]:
    """Which keys are missing, unexpected or of another shape, in words; empty where all fit."""
    return [
        *listed("missing", [key for key in expected if key not in tensors]),
        *listed("unexpected", [key for key in tensors if key not in expected]),
        *listed("of another shape", [_shapes_of(key, tensors, expected) for key in expected if key in tensors]),
    ]


def listed(what: str, keys: list[str], most: int = 4) -> list[str]:
    """``["3 what (a, b, c)"]``, or nothing where there are no keys."""
    keys = [key for key in keys if key]
    if not keys:
        return []
    more = f" and {len(keys) - most} more" if len(keys) > most else ""
    return [f"{len(keys)} {what} ({', '.join(keys[:most])}{more})"]


def _shapes_of(key: str, tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str:
    """``"key (3, 3) for (4, 4)"`` where the shapes differ, else ``""``."""
    found, wanted = tuple(tensors[key].shape), tuple(expected[key].shape)
    return "" if found == wanted else f"{key} {found} for {wanted}"
