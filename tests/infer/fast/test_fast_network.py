"""Packed networks against the networks themselves in float64."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from imtrans.errors import UsageError
from imtrans.infer.fast import FastPath, UnsupportedError, compile_network
from imtrans.nn import InstanceNorm2d, ReflectConv2d
from imtrans.nn.generators import build_generator
from imtrans.ops import use_backend
from imtrans.ops.packed_convolution import why_not
from imtrans_cyclegan.config import GeneratorConfig

pytestmark = pytest.mark.skipif(why_not(torch.float32) is not None, reason="there is no native library")

DTYPES = [torch.float32] + ([torch.bfloat16] if why_not(torch.bfloat16) is None else [])


def generator(**settings: object) -> nn.Module:
    torch.manual_seed(0)
    config = GeneratorConfig(**{"kind": "resnet", "ngf": 16, "blocks": 2, "upsample": "transpose", **settings})  # type: ignore[arg-type]
    network = build_generator(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():  # away from the initial zeros and ones
            parameter.add_(0.05 * torch.randn_like(parameter))
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
                module.running_mean.normal_(std=0.2)
                module.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
    return network


def in_float64(network: nn.Module, x: Tensor) -> Tensor:
    with use_backend("reference"), torch.no_grad():
        return copy.deepcopy(network).double()(x.double())


def error(y: Tensor, expected: Tensor) -> float:
    return float((y.double() - expected).square().mean().sqrt() / expected.square().mean().sqrt())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("padding", ["reflect", "replicate", "zero"])
@pytest.mark.parametrize("upsample", ["transpose", "resize"])
def test_generator_agrees_with_float64(norm: str, padding: str, upsample: str, dtype: torch.dtype) -> None:
    network = generator(norm=norm, padding=padding, upsample=upsample)
    x = torch.randn(2, 3, 36, 44)
    y = compile_network(network, dtype)(x)
    assert y.dtype == torch.float32
    assert error(y, in_float64(network, x)) < (1e-4 if dtype == torch.float32 else 0.08)


def test_sizes_may_change_from_call_to_call_and_results_stay() -> None:
    network = generator()
    fast = compile_network(network, torch.float32)
    pictures = [torch.randn(1, 3, *size) for size in ((32, 32), (32, 32), (40, 16), (32, 32))]
    results = [fast(x) for x in pictures]
    for x, y in zip(pictures, results, strict=True):
        assert error(y, in_float64(network, x)) < 1e-4


@pytest.mark.parametrize("threads", [1, 2])
def test_repeats_itself_bit_by_bit(threads: int) -> None:
    before = torch.get_num_threads()
    fast, x = compile_network(generator(), torch.float32), torch.randn(1, 3, 64, 48)
    try:
        torch.set_num_threads(threads)
        assert fast(x).equal(fast(x.contiguous(memory_format=torch.channels_last)))
    finally:
        torch.set_num_threads(before)


def test_memory_is_shared_between_slots() -> None:
    fast = compile_network(generator(blocks=6), torch.float32)
    fast(torch.randn(1, 3, 32, 32))
    assert fast._kept is not None
    places = {each.data_ptr() for each in fast._kept[1].values() if each.device.type != "meta"}
    assert len(places) < len(fast._kept[1]) / 2


class _Network(nn.Module):
    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class _TwoReaders(nn.Module):
    """One normalised map is read by a convolution, added to the result, and given out."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)
        self.norm = InstanceNorm2d(16, activation="leaky_relu", affine=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.first(x))
        return y + self.second(y)


class _EndsWithANorm(_TwoReaders):
    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.first(x))


@pytest.mark.parametrize("kind", [_TwoReaders, _EndsWithANorm])
def test_graphs_that_fork_or_end_unfinished(kind: type[nn.Module]) -> None:
    network, x = kind().eval(), torch.randn(1, 3, 13, 14)
    assert error(compile_network(network, torch.float32)(x), in_float64(network, x)) < 1e-5


class _Branches(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (_Branches(), "depends on its input"),
        (_Network(nn.Conv2d(3, 3, 3), nn.PixelShuffle(1)), "no step for PixelShuffle"),
        (_Network(nn.Conv2d(3, 3, 3, groups=3)), "groups"),
        (_Network(nn.Conv2d(3, 3, 3), nn.ReLU()), "activates what was not just normalised"),
        (_Network(InstanceNorm2d(3)), "no convolution has just written"),
        (_Network(nn.Conv2d(3, 3, 3), nn.ReflectionPad2d(1)), "with a border"),
        (_Network(nn.ReflectionPad2d((1, 2, 1, 1)), nn.Conv2d(3, 3, 3)), "sides differently"),
        (_Network(ReflectConv2d(3, 3, 3, padding=1, padded=True)), "another border than it expects"),
        (_Network(nn.ReflectionPad2d(1), nn.Conv2d(3, 3, 3, padding=1)), "pads a map that has a border"),
        (_Network(nn.Conv2d(3, 3, 3, padding=1, padding_mode="circular")), "circular"),
    ],
)
def test_says_what_it_cannot_run(network: nn.Module, words: str) -> None:
    with pytest.raises(UnsupportedError, match=words):
        compile_network(network.eval(), torch.float32)


def test_leaves_training_mode_hooks_and_other_types_alone() -> None:
    network = generator()
    with pytest.raises(UnsupportedError, match="training mode"):
        compile_network(network.train(), torch.float32)
    network.eval().register_forward_hook(lambda *_: None)
    with pytest.raises(UnsupportedError, match="hooks"):
        compile_network(network, torch.float32)
    with pytest.raises(UnsupportedError, match="float64"):
        compile_network(generator(), torch.float64)


def test_path_follows_changes_of_the_weights() -> None:
    network, x = generator(), torch.randn(1, 3, 32, 32)
    path = FastPath(torch.device("cpu"), "auto")
    assert path.why_not(network, torch.float32) is None
    before = path.run(network, x)
    with torch.no_grad():
        next(network.parameters()).mul_(2)
    after = path.run(network, x)
    assert not torch.equal(before, after)
    assert error(after, in_float64(network, x)) < 1e-4


def test_live_dropout_is_never_packed() -> None:
    network = build_generator(GeneratorConfig(ngf=2, blocks=1, dropout=True)).eval()
    path = FastPath(torch.device("cpu"), "auto")
    assert path.why_not(network, torch.float32) is None
    dropout = next(layer for layer in network.modules() if isinstance(layer, nn.Dropout))
    dropout.train()
    assert "training mode" in (path.why_not(network, torch.float32) or "")
    dropout.eval()
    assert path.why_not(network, torch.float32) is None


def test_path_runs_layer_by_layer_where_it_must() -> None:
    network, x = generator(), torch.randn(1, 3, 32, 32)
    path = FastPath(torch.device("cpu"), "reference")
    reason = path.why_not(network, torch.float32)
    assert reason is not None
    assert "plain PyTorch" in reason
    with torch.no_grad(), use_backend("reference"):
        assert path.run(network, x).equal(network(x))
    packed = FastPath(torch.device("cpu"), "auto")
    with torch.no_grad(), pytest.raises(UsageError, match="cannot reflect 3 pixels of maps of 3 x 3"):
        packed.run(network, torch.randn(1, 3, 3, 3))  # the layer's own words, for maps smaller than their border
