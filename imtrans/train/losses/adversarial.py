"""The two sides of the game: what a discriminator minimises, and what a generator minimises against it.

Write D(x) for the raw score of a real picture, D(G(z)) for that of a fake, and softplus(t) = log(1 + exp(t)):

=========  ===================================================  ==========================  =========================
kind       the discriminator minimises                          the generator minimises     source
=========  ===================================================  ==========================  =========================
vanilla    E softplus(-D(x)) + E softplus(D(G(z)))              E softplus(-D(G(z)))        Goodfellow et al., 2014
lsgan      E (D(x) - 1)^2 + E D(G(z))^2                         E (D(G(z)) - 1)^2           Mao et al., 2017, eq. 9
hinge      E max(0, 1 - D(x)) + E max(0, 1 + D(G(z)))           -E D(G(z))                  Lim and Ye, 2017
wgan       E D(G(z)) - E D(x)                                   -E D(G(z))                  Arjovsky et al., 2017
=========  ===================================================  ==========================  =========================

``vanilla`` is the cross entropy of sigmoid(D) with the verdict, its generator the non-saturating one of the paper's
section 3; StyleGAN writes the very same with softplus. ``rsgan``, ``rasgan``, ``ralsgan`` and ``rahinge`` compare real
and fake with one another, see :mod:`imtrans.train.losses.relativistic`. ``wgan`` needs a Lipschitz critic: weight
clipping or a gradient penalty (:mod:`imtrans.train.losses.penalties`), or spectral norm.

Authors differ in one factor: pix2pix, CycleGAN, DeblurGAN-v2 and ESRGAN halve the discriminator's loss, so that it
learns at half the pace. Nothing is halved here; a method multiplies where its authors did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from imtrans.errors import UsageError, did_you_mean
from imtrans.train.losses import relativistic
from imtrans.train.losses.precision import widen
from imtrans.train.losses.scores import Scores, by_scale, in_pairs

AbsoluteKind = Literal["vanilla", "lsgan", "hinge", "wgan"]
Kind = Literal["vanilla", "lsgan", "hinge", "wgan", "rsgan", "rasgan", "ralsgan", "rahinge"]
Scales = Literal["sum", "mean"]
"""pix2pixHD adds the losses of its scales, SPADE takes their mean."""


def discriminator_loss(
    kind: Kind, real: Scores, fake: Scores, *, real_label: float = 1.0, scales: Scales = "sum"
) -> Tensor:
    """How far the scores are from telling real from fake, by the table above.

    Args:
        kind: the loss.
        real: scores of real pictures, of any shape.
        fake: scores of fake pictures, of which nothing flows back into the generator where they were made of detached
            pictures.
        real_label: what vanilla and lsgan take for "real". A little less than 1, say 0.9, is one-sided label smoothing
            (Salimans et al., "Improved Techniques for Training GANs", 2016, section 3.4).
        scales: how the losses of several scales come together.

    Returns:
        A scalar in float32, whatever the precision of the scores (float64 for float64).

    Raises:
        UsageError: no such kind, no scores, scales that do not match, or a label that the kind does not have.
    """
    _check(kind, real_label)
    losses = []
    for real_scores, fake_scores in ((widen(r), widen(f)) for r, f in in_pairs(real, fake)):
        if kind in relativistic.PAIRED:
            losses.append(relativistic.loss(kind, winner=real_scores, loser=fake_scores))
        else:
            losses.append(_REAL[kind](real_scores, real_label) + _FAKE[kind](fake_scores))
    return _together(losses, scales)


def generator_loss(kind: Kind, fake: Scores, real: Scores | None = None, *, scales: Scales = "sum") -> Tensor:
    """How far the discriminator is from being fooled, by the table above.

    Args:
        kind: the loss.
        fake: scores of fake pictures, not detached.
        real: scores of real pictures, which the relativistic kinds need and the others ignore.
        scales: how the losses of several scales come together.

    Returns:
        A scalar in float32, whatever the precision of the scores (float64 for float64).

    Raises:
        UsageError: no such kind, no scores, or a relativistic kind without ``real``.
    """
    _check(kind)
    if kind not in relativistic.PAIRED:
        return _together([_generator(kind, widen(scores)) for scores in by_scale(fake)], scales)
    if real is None:
        raise UsageError(
            f"the generator's loss {kind!r} compares fake pictures with real ones, and got no scores of real ones.",
            hint="Give both: generator_loss(kind, discriminator(fake), discriminator(real)).",
        )
    pairs = ((widen(f), widen(r)) for f, r in in_pairs(fake, real))
    return _together([relativistic.loss(kind, winner=f, loser=r) for f, r in pairs], scales)


# --- single scales --------------------------------------------------------------------------------------------------


def _cross_entropy(scores: Tensor, label: float) -> Tensor:
    return functional.binary_cross_entropy_with_logits(scores, torch.full_like(scores, label))


def _least_squares(scores: Tensor, label: float) -> Tensor:
    return functional.mse_loss(scores, torch.full_like(scores, label))


_REAL: dict[str, Callable[[Tensor, float], Tensor]] = {
    "vanilla": _cross_entropy,
    "lsgan": _least_squares,
    "hinge": lambda scores, _: functional.relu(1 - scores).mean(),
    "wgan": lambda scores, _: -scores.mean(),
}
_FAKE: dict[str, Callable[[Tensor], Tensor]] = {
    "vanilla": lambda scores: _cross_entropy(scores, 0.0),
    "lsgan": lambda scores: _least_squares(scores, 0.0),
    "hinge": lambda scores: functional.relu(1 + scores).mean(),
    "wgan": lambda scores: scores.mean(),
}


def _generator(kind: Kind, fake: Tensor) -> Tensor:
    """A generator wants its fakes called real, and without the hinge, which would stop its gradient at 1."""
    return -fake.mean() if kind == "hinge" else _REAL[kind](fake, 1.0)


def _together(losses: list[Tensor], scales: Scales) -> Tensor:
    total = torch.stack(losses).sum()
    return total / len(losses) if scales == "mean" else total


def _check(kind: str, real_label: float = 1.0) -> None:
    if kind not in get_args(Kind):
        raise UsageError(
            f"there is no adversarial loss called {kind!r}.",
            have=f"Losses: {', '.join(get_args(Kind))}. {did_you_mean(kind, get_args(Kind))}".strip(),
        )
    if real_label != 1.0 and kind not in ("vanilla", "lsgan"):
        raise UsageError(
            f"the loss {kind!r} has no label to smooth (real_label={real_label}).", have="vanilla and lsgan have one."
        )
