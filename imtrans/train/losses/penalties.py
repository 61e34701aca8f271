"""What keeps a critic smooth: penalties on the gradient of its scores with respect to the pictures, and clipping.

Their own gradient is a second derivative of the discriminator. imtrans' fused operators have one; ``torch.compile`` has
none, so a phase with a penalty runs uncompiled.

A discriminator is handed over as a function from pictures to scores and is run here, in float32 even under autocast:
squares of small gradients vanish in half precision. A conditional one is closed over its condition::

    r1_penalty(lambda pictures: discriminator(torch.cat([label, pictures], 1)), real, gamma=10)

*Lazy regularisation* (Karras et al., StyleGAN2, 2020, section 3.1) computes a penalty in every k-th step only, k times
as strong, which costs little and changes nothing on average. The penalty belongs into the discriminator's own phase:
an optimiser of its own would divide its size out again, and ``gamma`` would be without effect::

    if step.index % 16 == 0:
        losses["r1"] = r1_penalty(discriminator, real, gamma=10, every=16)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn

from imtrans.errors import UsageError
from imtrans.train.losses.precision import full_precision, widen
from imtrans.train.losses.scores import Scores, by_scale

Judge: TypeAlias = Callable[[Tensor], Scores]
"""A discriminator: pictures (N, C, H, W) to scores, each of which depends on its own picture alone (no batch norm)."""


def gradient_penalty(
    judge: Judge, real: Tensor, fake: Tensor, *, weight: float = 10.0, target: float = 1.0, one_sided: bool = False
) -> Tensor:
    """WGAN-GP's penalty: a critic whose gradient between real and fake pictures has norm 1 is a Lipschitz one.

    weight * E (||grad D(y)||_2 - target)^2 with y = e x + (1 - e) G(z) and one e from U(0, 1) a picture (Gulrajani et
    al., "Improved Training of Wasserstein GANs", 2017, equation 3; ``one_sided`` is the form of its section 4 that
    punishes norms above the target alone). The random numbers are those of torch's global generator.

    Args:
        judge: the critic.
        real: pictures (N, C, H, W).
        fake: as many of the same shape; they are detached.
        weight: lambda, 10 in the paper.
        target: the norm to come to.
        one_sided: max(0, norm - target) in place of norm - target.

    Returns:
        A scalar in float32 (float64 for float64 pictures).

    Raises:
        UsageError: the shapes differ, or the scores do not depend on the pictures.
    """
    if real.shape != fake.shape:
        raise UsageError(
            f"a gradient penalty mixes real pictures with fakes, and they are {tuple(real.shape)}"
            f" and {tuple(fake.shape)}.",
            hint="Both have to have the same number and the same size.",
        )
    real, fake = widen(real.detach()), widen(fake.detach())
    share = torch.rand(len(real), *(1,) * (real.dim() - 1), dtype=real.dtype, device=real.device)
    gradient = input_gradient(judge, torch.lerp(fake, real, share))
    excess = torch.linalg.vector_norm(gradient.flatten(1), dim=1) - target
    if one_sided:
        excess = excess.clamp(min=0)
    return weight * excess.square().mean()


def r1_penalty(judge: Judge, pictures: Tensor, *, gamma: float = 10.0, every: int = 1) -> Tensor:
    """R1 on real pictures, or R2 on fakes: gamma / 2 * E ||grad D(x)||_2^2.

    Mescheder, Geiger, Nowozin: "Which Training Methods for GANs do actually Converge?", 2018, equation 9 (R1) and 10
    (R2).

    Args:
        judge: the discriminator.
        pictures: real ones (N, C, H, W) for R1, fakes for R2; they are detached.
        gamma: strength: 10 in the paper and in StyleGAN2 at 256 pixels.
        every: the penalty is computed in every so many steps, and so many times as strong (lazy regularisation).

    Returns:
        A scalar in float32 (float64 for float64 pictures).

    Raises:
        UsageError: the scores do not depend on the pictures.
    """
    gradient = input_gradient(judge, pictures)
    return gamma / 2 * every * gradient.square().flatten(1).sum(1).mean()


def drift_penalty(real: Scores, *, weight: float = 1e-3) -> Tensor:
    """Keep a critic's scores near 0: weight * E D(x)^2 (Karras et al., "Progressive Growing of GANs", 2018, app. A.1).

    A Wasserstein loss does not change when all scores rise together, so nothing else holds them.
    """
    return weight * torch.stack([widen(scores).square().mean() for scores in by_scale(real)]).mean()


def clip_weights(network: nn.Module, limit: float = 0.01) -> None:
    """Clamp every parameter into [-limit, limit], in place, after each update of a WGAN's critic.

    Arjovsky, Chintala, Bottou: "Wasserstein GAN", 2017, algorithm 1; 0.01 there.

    Raises:
        UsageError: the limit is not above 0.
    """
    if not limit > 0:
        raise UsageError(f"weights are clipped to a limit above 0, not to {limit}.")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.clamp_(-limit, limit)


def input_gradient(judge: Judge, pictures: Tensor) -> Tensor:
    """The gradient of the sum of all scores with respect to ``pictures``, itself differentiable.

    Args:
        judge: the discriminator; it is run in float32, without autocast.
        pictures: (N, C, H, W); they are detached.

    Returns:
        A tensor of the shape of ``pictures`` in float32 (float64 for float64).

    Raises:
        UsageError: the scores do not depend on the pictures.
    """
    pictures = widen(pictures.detach()).requires_grad_()
    with torch.enable_grad(), full_precision(pictures):
        total = torch.stack([widen(scores).sum() for scores in by_scale(judge(pictures))]).sum()
        if total.requires_grad:
            (gradient,) = torch.autograd.grad(total, pictures, create_graph=True, allow_unused=True)
            if gradient is not None:
                return gradient
    raise UsageError(
        "the scores do not depend on the pictures, so there is no gradient to penalise.",
        hint="Hand over the discriminator itself; it must neither detach its input nor run under no_grad.",
    )
