"""Keys as other projects wrap them -> keys as the network has them.

Each function gives the tensors that remain and a note for each thing it did; what it does not understand it leaves
alone, for the strict loading afterwards to name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

WRAPPERS = {
    "module.": "DataParallel",
    "_orig_mod.": "torch.compile",
}
"""Prefixes that a wrapper around the network puts before each of its keys, and the wrapper."""

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def strip_prefixes(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Take the prefixes of :data:`WRAPPERS` off, where every key has them, however deep they are stacked.

    Returns:
        The tensors by their bare keys, in their order, and one note for each prefix taken off.
    """
    bare, notes = dict(tensors), []
    while prefix := _shared_prefix(bare):
        bare = {key[len(prefix) :]: tensor for key, tensor in bare.items()}
        notes.append(f"took the prefix {prefix!r} of {WRAPPERS[prefix]} off every key")
    return bare, tuple(notes)


def _shared_prefix(keys: Collection[str]) -> str:
    """The wrapper's prefix that stands before something in every key, or ``""``."""
    for prefix in WRAPPERS:
        if keys and all(key.startswith(prefix) and key != prefix for key in keys):
            return prefix
    return ""


def drop_legacy_statistics(
    tensors: Mapping[str, Tensor], expected: Collection[str]
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Leave out the running statistics of normalisations that keep none in this network.

    Until version 0.4 PyTorch's instance norm had ``running_mean`` and ``running_var`` in its state dict, and the
    authors' networks normalised by the picture at hand all the same; so the statistics are without effect.

    Args:
        tensors: a checkpoint's tensors.
        expected: the keys that the network has.

    Returns:
        The tensors that remain, and a note where any was dropped.
    """
    dropped = {key for key in tensors if key not in expected and _is_statistic_of_instance_norm(key, tensors)}
    if not dropped:
        return dict(tensors), ()
    layers = {key.rpartition(".")[0] for key in dropped}
    note = f"dropped {len(dropped)} running statistics of {len(layers)} instance norms, which use none (PyTorch < 0.4)"
    return {key: tensor for key, tensor in tensors.items() if key not in dropped}, (note,)


def _is_statistic_of_instance_norm(key: str, tensors: Mapping[str, Tensor]) -> bool:
    """Whether ``key`` is a running statistic beside which no scale stands; a batch norm has one, and needs both."""
    layer, _, name = key.rpartition(".")
    return name in STATISTICS and f"{layer}.weight" not in tensors


def restore_batch_counts(tensors: Mapping[str, Tensor], expected: Collection[str]) -> dict[str, Tensor]:
    """Add the count of batches to batch norms that were saved before PyTorch 0.4.1 had it, as that version does.

    Nothing depends on it but averages over all batches, which no network here gathers, so there is nothing to note.

    Args:
        tensors: a checkpoint's tensors.
        expected: the keys that the network has.
    """
    counts = [key for key in expected if key.endswith(".num_batches_tracked") and key not in tensors]
    averaged = [key for key in counts if f"{key.rpartition('.')[0]}.running_mean" in tensors]
    return {**tensors, **{key: torch.tensor(0) for key in averaged}}


def restore_spectral_norms(
    tensors: Mapping[str, Tensor], expected: Collection[str]
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Bring spectral norms as PyTorch 1.0 saved them (``weight``, ``weight_orig``, ``weight_u``) to today's form.

    That version kept the normalised ``weight`` and no ``weight_v``. The v here makes sigma = u^T W v the number that
    W was divided by, so a network runs exactly as it did; in training, the first power iteration replaces it.

    Args:
        tensors: a checkpoint's tensors.
        expected: the keys that the network has.

    Returns:
        The tensors with ``weight_v`` and without the normalised weights, and a note where any was restored.
    """
    restored = dict(tensors)
    layers = [key.removesuffix("weight_v") for key in expected if key.endswith("weight_v") and key not in tensors]
    layers = [layer for layer in layers if f"{layer}weight_orig" in tensors and f"{layer}weight_u" in tensors]
    for layer in layers:
        original, u = restored[f"{layer}weight_orig"], restored[f"{layer}weight_u"]
        restored[f"{layer}weight_v"] = _right_vector(original, u, restored.pop(f"{layer}weight", None))
    if not layers:
        return restored, ()
    return restored, (f"restored {len(layers)} spectral norms as PyTorch 1.0 saved them",)


def _right_vector(original: Tensor, u: Tensor, normalised: Tensor | None) -> Tensor:
    """V in the direction of W^T u, of unit length, or as long as the sigma that ``normalised`` shows demands."""
    # A transposed convolution has its output channels second; the length of u tells.
    axis = 0 if original.shape[0] == len(u) else 1
    matrix = original.double().movedim(axis, 0).flatten(1)
    back = matrix.t() @ u.double()
    length = back.norm().clamp_min(1e-12)
    if normalised is None:
        return (back / length).to(original.dtype)
    # W / sigma is known, so sigma is the ratio of the lengths, the stablest of all estimates.
    sigma = original.double().norm() / normalised.double().norm().clamp_min(1e-12)
    return (back * sigma / length.square()).to(original.dtype)
