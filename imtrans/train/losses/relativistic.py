"""Relativistic losses: is a real picture more real than a fake one?

Jolicoeur-Martineau, "The relativistic discriminator: a key element missing from standard GAN", ICLR 2019. With
C the raw score and, in the average forms (``ra...``), d(x, y) = C(x) - E C(y)::

    rsgan     E softplus(-(C(x_r) - C(x_f)))                                     section 4.1, pictures paired by place
    rasgan    E softplus(-d(x_r, x_f))        + E softplus(d(x_f, x_r))          equation 7     ESRGAN
    ralsgan   E (d(x_r, x_f) - 1)^2           + E (d(x_f, x_r) + 1)^2            appendix       DeblurGAN-v2
    rahinge   E max(0, 1 - d(x_r, x_f))       + E max(0, 1 + d(x_f, x_r))        appendix

That is the discriminator's side; the generator minimises the same with real and fake exchanged, so one function with a
*winner*, who is to have the higher score, is both.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from imtrans.errors import UsageError

PAIRED = ("rsgan", "rasgan", "ralsgan", "rahinge")
"""Kinds that need the scores of real and fake pictures at once."""


def loss(kind: str, winner: Tensor, loser: Tensor) -> Tensor:
    """The relativistic loss of one scale.

    Args:
        kind: one of :data:`PAIRED`.
        winner: scores that are to be higher: the real ones for the discriminator, the fake ones for the generator.
        loser: scores that are to be lower. Of the same shape for rsgan; otherwise their mean alone counts.

    Returns:
        A scalar of the type of the scores.

    Raises:
        UsageError: the shapes differ and the kind pairs the scores.
    """
    if kind == "rsgan":
        return _standard(winner, loser)
    ahead, behind = winner - loser.mean(), loser - winner.mean()
    if kind == "rasgan":
        return functional.softplus(-ahead).mean() + functional.softplus(behind).mean()
    if kind == "ralsgan":
        return (ahead - 1).square().mean() + (behind + 1).square().mean()
    return functional.relu(1 - ahead).mean() + functional.relu(1 + behind).mean()


def _standard(winner: Tensor, loser: Tensor) -> Tensor:
    if winner.shape != loser.shape:
        raise UsageError(
            f"rsgan compares score by score, and the shapes are {tuple(winner.shape)} and {tuple(loser.shape)}.",
            hint="Judge as many fakes as reals, or compare with the average: rasgan.",
        )
    return functional.softplus(loser - winner).mean()
