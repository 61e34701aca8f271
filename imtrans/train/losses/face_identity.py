"""Face identity: the translated face should still be the same person to a network that recognises faces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from imtrans.card import Ref
from imtrans.errors import UsageError, WeightsError
from imtrans.train.losses.precision import full_precision, widen
from imtrans.weights.layouts import strip_prefixes
from imtrans.weights.reader import read

Crop = Callable[[Tensor], Tensor]


class FaceIdentityLoss(nn.Module):
    """E [1 - cos(e(x), e(y))] for an embedding network e.

    photo2cartoon (weight 1) compares a photograph with its cartoon so; its network is a MobileFaceNet that was trained
    with ArcFace (Deng et al., 2019). Any network from pictures to vectors serves.

    The network is frozen, in eval mode, run in float32, and follows the pictures to their device. It is part of no
    checkpoint: keep the loss as an attribute of the method, outside ``networks``.

    Args:
        embedding: pictures (N, C, h, w) to vectors (N, D), say from :func:`load_embedding`.
        crop: cuts the face out, such as :func:`photo2cartoon_face`; None takes whole pictures.
        side: pixels a side that the embedding wants, reached bilinearly; None leaves the size.
    """

    def __init__(self, embedding: nn.Module, crop: Crop | None = None, side: int | None = 112) -> None:
        super().__init__()
        self.embedding = embedding.requires_grad_(False).eval()
        self.crop, self.side = crop, side

    def train(self, mode: bool = True) -> FaceIdentityLoss:
        """The embedding is never trained: its batch norms would drift."""
        super().train(mode)
        self.embedding.eval()
        return self

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The distance of the faces in x and y, from 0 (one person) to 2.

        Args:
            x: pictures (N, C, H, W) in the value range of the embedding.
            y: as many; gradients flow into both where they are wanted.

        Returns:
            A scalar in float32.

        Raises:
            UsageError: the numbers of pictures differ, or the embedding gives no vectors.
        """
        if len(x) != len(y) or len(x) == 0:
            raise UsageError(f"faces are compared one by one, and there are {len(x)} and {len(y)}.")
        return (1 - functional.cosine_similarity(self._embed(x), self._embed(y))).mean()

    def _embed(self, pictures: Tensor) -> Tensor:
        self.embedding.to(pictures.device)
        with full_precision(pictures):
            faces = widen(pictures)
            if self.crop is not None:
                faces = self.crop(faces)
            if self.side is not None:
                faces = functional.interpolate(faces, size=(self.side, self.side), mode="bilinear", align_corners=True)
            vectors = self.embedding(faces)
        if not isinstance(vectors, Tensor) or vectors.dim() != 2 or len(vectors) != len(pictures):
            gave = f"shape {tuple(vectors.shape)}" if isinstance(vectors, Tensor) else type(vectors).__name__
            raise UsageError(
                f"the face embedding gave {gave} for {len(pictures)} pictures.",
                have="It has to give a vector a picture: (N, D).",
            )
        return widen(vectors)


def photo2cartoon_face(pictures: Tensor) -> Tensor:
    """The square around the face in a head-and-shoulders picture as photo2cartoon prepares it: 162 of 256 pixels.

    Its pictures are the box of the landmarks, grown by 0.8 of its height above and by 0.3 below and at the sides.
    """
    height, width = pictures.shape[-2:]
    box = height / 2.1
    top, bottom = int(box * (0.8 - 0.33)), int(height - box * 0.3)
    left = int(width / 2 - (bottom - top) / 2)
    if left < 0 or bottom <= top:
        raise UsageError(f"pictures of {height} x {width} pixels have no room for photo2cartoon's face square.")
    return pictures[..., top:bottom, left : left + bottom - top]


def load_embedding(reference: str, weights: str | Path | None = None) -> nn.Module:
    """The user's embedding network, with weights read as numbers alone.

    Args:
        reference: ``"package.module:name"`` of a module, or of a class or function that takes no arguments and gives
            one. This imports code: it comes from the user's command or configuration, never from a checkpoint.
        weights: a checkpoint whose keys are the network's; None where it brings its own.

    Raises:
        UsageError: there is no such network.
        WeightsError: the file cannot be read safely or does not fit.
    """
    network = _build(reference)
    if weights is not None:
        tensors, _ = strip_prefixes(read(weights).tensors)
        try:
            network.load_state_dict(tensors)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise WeightsError(
                f"{weights} does not fit {reference}: {reason[:300]}", hint="Give the file that belongs to the network."
            ) from error
    return network


def _build(reference: str) -> nn.Module:
    try:
        found: Any = Ref(reference).load()
    except (ValueError, ImportError, AttributeError) as error:
        raise UsageError(
            f"there is no face embedding {reference!r}: {error}.",
            hint="Write 'package.module:name', and put the module's folder on PYTHONPATH.",
        ) from error
    if not isinstance(found, nn.Module) and callable(found):
        with torch.random.fork_rng(devices=[]):
            found = found()
    if not isinstance(found, nn.Module):
        raise UsageError(
            f"{reference} is a {type(found).__name__}, not a torch module.",
            have="A face embedding is a module, or a class or function without arguments that gives one.",
        )
    return found
