"""StyleGAN2's networks give what NVIDIA's own code gives for the same weights (golden/README.md)."""

from __future__ import annotations

import pytest
import torch
from golden.stylegan2_values import drawn, faces
from hypothesis import given, settings
from hypothesis import strategies as st
from stylegan2_golden import CASES, expected, labels_of, method_of
from torch import Tensor

from imtrans.errors import UsageError
from imtrans.nn.latents import layer_noise
from imtrans_stylegan2.config import GeneratorConfig
from imtrans_stylegan2.discriminator import minibatch_std
from imtrans_stylegan2.generator import Generator

TOLERANCE = {"atol": 1e-4, "rtol": 1e-4}


def small(**changes: int) -> Generator:
    """A generator whose noise and style averages count."""
    torch.manual_seed(0)
    network = Generator(GeneratorConfig(**{"resolution": 32, "channel_max": 8, "z_dim": 8, "w_dim": 6, **changes}))
    for layer in network.synthesis.layers:
        torch.nn.init.constant_(layer.noise_strength, 0.5)
    network.mapping.w_avg.normal_()
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize("case", CASES)
def test_generator_equals_nvidias(case: str) -> None:
    """Pictures of the same latents with constant noise, and truncated without noise."""
    method, wanted = method_of(case), expected(case)
    generator, z, labels = method.generator.eval(), drawn("z", (2, 16)), labels_of(method, 2)
    with torch.no_grad():
        torch.testing.assert_close(generator.mapping(z, labels)[:, 0], wanted["ws"], **TOLERANCE)
        picture = generator(z, labels)
        truncated = generator(z, labels, truncation_psi=0.5, truncation_cutoff=5, noise_mode="none")
    torch.testing.assert_close(picture[..., ::4, ::4], wanted["const"], **TOLERANCE)
    torch.testing.assert_close(truncated[..., ::4, ::4], wanted["truncated"], **TOLERANCE)


@pytest.mark.parametrize("case", CASES)
def test_discriminator_equals_nvidias(case: str) -> None:
    """Scores of two groups of four pictures."""
    method = method_of(case)
    with torch.no_grad():
        scores = method.discriminator(faces(8, 64), labels_of(method, 8))
    torch.testing.assert_close(scores, expected(case)["scores"], atol=1e-6, rtol=1e-5)


def test_a_batch_of_sixteen_equals_sixteen_of_one() -> None:
    """Pictures do not depend on one another, with the network's noise or with drawn noise."""
    network, z = small(), drawn("sixteen", (16, 8))
    noise = layer_noise(range(16), network.noise_shapes)
    ws = network.mapping(z)
    for mode in ("const", "random", "none"):
        together = network.synthesis(ws, mode, noise)
        alone = [network.synthesis(ws[i : i + 1], mode, [each[i : i + 1] for each in noise]) for i in range(16)]
        torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-5)


def test_noise_is_the_networks_own_or_drawn_or_none() -> None:
    """Constant noise is the same every time; random noise is not; none is another picture again."""
    network, z = small(), drawn("z", (1, 8))
    assert torch.equal(network(z), network(z, noise_mode="const"))
    assert not torch.allclose(network(z, noise_mode="random"), network(z, noise_mode="random"))
    assert not torch.allclose(network(z, noise_mode="none"), network(z))
    with pytest.raises(UsageError, match="no noise 'loud'"):
        network(z, noise_mode="loud")  # type: ignore[arg-type]


def features(network: Generator, ws: Tensor) -> list[Tensor]:
    """What every convolution gives, from the lowest resolution to the highest."""
    seen: list[Tensor] = []
    hooks = [layer.register_forward_hook(lambda *each: seen.append(each[2])) for layer in network.synthesis.layers]
    network.synthesis(ws)
    for hook in hooks:
        hook.remove()
    return seen


@settings(max_examples=8, deadline=None)
@given(first=st.integers(0, 7), more=st.integers(1, 8))
def test_mixing_changes_only_the_layers_asked_for(first: int, more: int) -> None:
    """Layers before the first mixed style give what they gave, and the mixed one itself something else."""
    network = small()
    ws = network.mapping(drawn("two", (2, 8)))
    mixed = ws[:1].clone()
    mixed[:, first : first + more] = ws[1:, first : first + more]
    before, after = features(network, ws[:1]), features(network, mixed)
    # A layer gives its features multiplied by the next style inside a block, so one more layer shows the change.
    fused = 1 if first % 2 == 0 and first > 0 else 0
    for index in range(max(first - fused, 0)):
        torch.testing.assert_close(before[index], after[index], atol=0, rtol=0)
    if first < len(before):
        assert not torch.allclose(before[first], after[first])


def test_truncation_moves_styles_to_their_average() -> None:
    """Psi 0 is the average, psi 1 the style; the cutoff leaves later styles alone."""
    network, z = small(), drawn("z", (2, 8))
    whole = network.mapping(z)
    torch.testing.assert_close(
        network.mapping(z, truncation_psi=0.0), network.mapping.w_avg.expand_as(whole), atol=1e-6, rtol=1e-6
    )
    part = network.mapping(z, truncation_psi=0.3, truncation_cutoff=3)
    torch.testing.assert_close(part[:, 3:], whole[:, 3:])
    torch.testing.assert_close(part[:, :3], network.mapping.w_avg + 0.3 * (whole[:, :3] - network.mapping.w_avg))


def test_average_style_follows_in_training_alone() -> None:
    """0.995 of the average stays with each batch; mixed-in styles do not count."""
    network, z = small(), drawn("z", (2, 8))
    before = network.mapping.w_avg.clone()
    network.mapping(z)
    network.train()
    network.mapping(z, update_average=False)
    torch.testing.assert_close(network.mapping.w_avg, before)
    mean = network.mapping(z)[:, 0].mean(0)
    torch.testing.assert_close(network.mapping.w_avg, 0.995 * before + 0.005 * mean)


@pytest.mark.parametrize(("count", "group"), [(8, 4), (4, 4), (3, 4), (6, 4), (1, 4)])
def test_minibatch_deviation_is_that_of_a_group(count: int, group: int) -> None:
    """One more channel, the same number at every pixel and for every picture of a group; 0 for a group of one."""
    x = drawn("features", (count, 5, 4, 4))
    size = max(each for each in range(1, group + 1) if count % each == 0)
    extra = minibatch_std(x, group)[:, 5]
    for start in range(count // size):
        members = x[start :: count // size]
        level = members.var(0, unbiased=False).add(1e-8).sqrt().mean()
        torch.testing.assert_close(extra[start :: count // size], level.expand(size, 4, 4))


def test_wrong_sizes_are_refused_in_words() -> None:
    """Styles of another generator, and pictures of another size."""
    with pytest.raises(UsageError, match=r"styles for this generator are \(N, 8, 6\)"):
        small().synthesis(torch.zeros(1, 8, 5))
    with pytest.raises(UsageError, match="64x64 pixels"):
        method_of("plain").discriminator(torch.zeros(1, 3, 32, 32))


@pytest.mark.parametrize(
    "change", [{"resolution": 48}, {"resolution": 4}, {"channel_base": 8}, {"mapping_layers": 0}, {"c_dim": -1}]
)
def test_impossible_settings_are_refused(change: dict[str, int]) -> None:
    """In words, before anything is built."""
    with pytest.raises(ValueError, match=next(iter(change))):
        GeneratorConfig(**change)
