"""What happens around the network: ranges, sizes, batches, precision, failures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from toys import CARD, UNIT, Enlarge, Identity, Negative, Overflow

import imtrans
from imtrans.card import Card
from imtrans.errors import DeviceError, ImtransError, PluginError, UsageError
from imtrans.infer import memory
from imtrans.infer.translator import Translator


def photo(width: int, height: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(width + height).integers(0, 256, (height, width, channels), dtype=np.uint8)


def test_the_network_sees_its_own_value_range() -> None:
    extremes = np.array([[[0, 128, 255]]], np.uint8)
    for value_range in ((-1.0, 1.0), (0.0, 1.0), (0.0, 255.0)):
        network = Identity()
        out = Translator(network, replace(CARD, value_range=value_range))(extremes)
        assert network.range == value_range
        assert np.array_equal(out, extremes)


def test_normalisation_equals_the_authors() -> None:
    class Keeps(Identity):
        def forward(self, x: Tensor) -> Tensor:
            self.kept = x.clone()
            return x

    network = Keeps()
    Translator(network, CARD)(photo(8, 8))
    authors = (torch.from_numpy(photo(8, 8)).permute(2, 0, 1)[None] / 255 - 0.5) / 0.5
    assert torch.allclose(network.kept, authors, atol=1e-6)


def test_channel_orders() -> None:
    class FirstOnly(Identity):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([x[:, :1], torch.zeros_like(x[:, 1:])], 1)

    colour = np.array([[[10, 20, 30]]], np.uint8)
    assert Translator(FirstOnly(), UNIT)(colour).tolist() == [[[10, 0, 0]]]
    assert Translator(FirstOnly(), replace(UNIT, channels="BGR"))(colour).tolist() == [[[0, 0, 30]]]
    grey = replace(UNIT, channels="L")
    network = Identity()
    luma = round(0.299 * 10 + 0.587 * 20 + 0.114 * 30)
    assert Translator(network, grey)(colour).tolist() == [[[luma] * 3]]
    assert network.seen == [(1, 1, 1, 1)]


@pytest.mark.parametrize(
    ("size", "seen"), [((1, 1), (8, 8)), ((17, 401), (404, 20)), ((8, 12), (12, 8)), ((9, 8), (8, 12))]
)
def test_sizes_are_padded_for_the_network_and_cropped_back(size: tuple[int, int], seen: tuple[int, int]) -> None:
    network = Negative(multiple=4, minimum=8)
    out = Translator(network, CARD)(photo(*size))
    assert network.seen == [(1, 3, *seen)]
    assert np.array_equal(out, 255 - photo(*size))


def test_a_long_strip() -> None:
    out = Translator(Negative(multiple=256, minimum=256), CARD)(photo(17, 4001))
    assert np.array_equal(out, 255 - photo(17, 4001))


def test_networks_that_enlarge() -> None:
    out = Translator(Enlarge(2), replace(CARD, scale=2))(photo(5, 3))
    assert np.array_equal(out, photo(5, 3).repeat(2, 0).repeat(2, 1))


def test_a_network_that_breaks_its_promise_is_named() -> None:
    with pytest.raises(PluginError, match=r"'toy' gave \(1, 3, 6, 10\) where \(1, 3, 3, 5\)") as caught:
        Translator(Enlarge(2), CARD)(photo(5, 3))
    assert "scale" in caught.value.hint

    class Tuple(Identity):
        def forward(self, x: Tensor) -> Tensor:
            return x, x  # type: ignore[return-value]

    with pytest.raises(PluginError, match="gave tuple"):
        Translator(Tuple(), CARD)(photo(5, 3))


# --- batches ----------------------------------------------------------------------------------------------------------


def batch_sizes(network: Identity) -> list[int]:
    return [shape[0] for shape in network.seen]


def test_lists_are_batched_by_size_and_come_back_in_order() -> None:
    network = Negative()
    images = [photo(4, 4), photo(6, 2), 255 - photo(4, 4), photo(4, 4) // 2, photo(6, 2) // 2]
    out = Translator(network, CARD)(images, batch_size=2)
    assert batch_sizes(network) == [2, 1, 2]
    assert all(np.array_equal(o, 255 - i) for o, i in zip(out, images, strict=True))


def test_lists_run_one_by_one_and_arrays_at_once_unless_told() -> None:
    network = Negative()
    t = Translator(network, CARD)
    t([photo(4, 4)] * 3)
    t(np.stack([photo(4, 4)] * 3))
    t(np.stack([photo(4, 4)] * 3), batch_size=2)
    assert batch_sizes(network) == [1, 1, 1, 3, 2, 1]
    with pytest.raises(UsageError, match="batch of 0"):
        t(photo(4, 4), batch_size=0)


def test_train_mode_networks_see_one_picture_at_a_time() -> None:
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Tanh())
    t = Translator(network, replace(CARD, norm_at_inference="train"))
    assert t.network.training
    images = [photo(9, 9), photo(9, 9) // 3]
    alone = [t(image) for image in images]
    assert all(np.array_equal(a, b) for a, b in zip(alone, t(images, batch_size=2), strict=True))


def noisy() -> nn.Module:
    return nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5), nn.Tanh())


def test_batch_statistics_and_noise_are_the_users_to_choose() -> None:
    x = torch.rand(2, 3, 9, 9)
    authors = Translator(noisy(), replace(CARD, norm_at_inference="train"))
    assert (authors.norm, authors.noise, authors.batches) == ("train", True, False)
    plain = Translator(noisy(), replace(CARD, norm_at_inference="train"), norm="eval", sample_noise=False)
    assert (plain.norm, plain.noise, plain.batches) == ("eval", False, True)
    assert plain(x).equal(Translator(noisy(), CARD)(x))
    trained = Translator(noisy(), CARD, norm="train")
    assert (trained.norm, trained.noise) == ("train", True)
    assert "batch statistics, noise of seed 0" in authors.describe()
    assert "statistics" not in plain.describe()
    assert "noise" not in plain.describe()


def test_noise_depends_on_the_seed_and_the_picture_alone() -> None:
    t = Translator(noisy(), CARD, sample_noise=True, seed=7)
    images = [torch.rand(3, 9, 9) for _ in range(2)]
    torch.manual_seed(1)
    alone = [t(image) for image in images]
    outside = torch.rand(1)
    torch.manual_seed(1)
    assert outside.equal(torch.rand(1)), "the caller's random numbers were drawn from"
    assert all(a.equal(b) for a, b in zip(alone, t(images, batch_size=2), strict=True))
    assert not alone[0].equal(Translator(noisy(), CARD, sample_noise=True, seed=8)(images[0]))


def test_running_changes_no_averages() -> None:
    t = Translator(noisy(), replace(CARD, norm_at_inference="train"))
    before = {key: value.clone() for key, value in t.network.state_dict().items()}
    t(torch.rand(3, 9, 9))
    assert all(value.equal(before[key]) for key, value in t.network.state_dict().items())


def test_modes_that_do_not_exist_are_refused() -> None:
    with pytest.raises(UsageError, match="the mode 'batch'") as caught:
        Translator(noisy(), CARD, norm="batch")  # type: ignore[arg-type]
    assert "train (the picture's own)" in caught.value.have
    with pytest.raises(UsageError, match="no noise to sample") as caught:
        Translator(Negative(), CARD, sample_noise=True)
    assert "Leave --sample-noise away" in caught.value.hint


def test_eval_is_the_rule() -> None:
    assert not Translator(nn.BatchNorm2d(3).train(), CARD).network.training


# --- precision --------------------------------------------------------------------------------------------------------


def test_lower_precision_is_computed_in() -> None:
    class Notes(Identity):
        def forward(self, x: Tensor) -> Tensor:
            self.dtype = x.dtype
            return super().forward(x)

    network = Notes()
    t = Translator(network, CARD, precision="bf16")
    out = t(photo(30, 30))
    assert network.dtype == torch.bfloat16 == next(t.network.parameters()).dtype
    assert np.abs(out.astype(int) - photo(30, 30)).max() <= 1
    assert t(torch.rand(3, 4, 4)).dtype == torch.float32


def test_pictures_reach_the_network_channels_last() -> None:
    class Layout(Identity):
        def forward(self, x: Tensor) -> Tensor:
            self.last = x.is_contiguous(memory_format=torch.channels_last)
            return super().forward(x)

    network = Layout(multiple=4)
    Translator(network, CARD)(torch.rand(2, 3, 6, 10))
    assert network.last


def test_overflow_in_a_precision_of_our_choice_goes_on_in_fp32() -> None:
    t = Translator(Overflow(), CARD, precision="bf16", reload=Overflow)
    assert np.array_equal(t(photo(4, 4)), photo(4, 4))
    assert t.precision == "fp32"
    assert "overflowed in bf16" in t.notes[0]
    t(photo(4, 4))
    assert len(t.notes) == 1


def test_overflow_in_a_precision_of_the_users_choice_is_an_error() -> None:
    with pytest.raises(ImtransError, match=r"no numbers \(in bf16\)") as caught:
        Translator(Overflow(), CARD, precision="bf16")(photo(4, 4))
    assert "--precision fp32" in caught.value.hint


def test_no_numbers_in_fp32_are_an_error_and_no_black_picture() -> None:
    network = Identity()
    network.gain.data.fill_(float("nan"))
    with pytest.raises(ImtransError, match=r"no numbers \(in fp32\)"):
        Translator(network, CARD, reload=Identity)(photo(4, 4))


# --- memory -----------------------------------------------------------------------------------------------------------


def test_a_picture_that_cannot_fit_is_refused_before_it_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda device: 10_000_000)
    network = Negative()
    with pytest.raises(ImtransError, match=r"2000 x 1000 pixels takes about 0\.\d GB") as caught:
        Translator(network, CARD)(photo(2000, 1000))
    assert network.seen == []
    assert "--max-size" in caught.value.hint
    assert 100 < int(caught.value.hint.split("--max-size ")[1].strip(".")) < 1000


def test_a_batch_that_cannot_fit_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    one = memory.peak_bytes(Negative(), (1, 3, 1100, 1100), torch.float32)
    assert one is not None
    monkeypatch.setattr(memory, "available_bytes", lambda device: int(one * 1.5))
    network = Negative()
    out = Translator(network, CARD)([photo(1100, 1100)] * 2, batch_size=2)
    assert batch_sizes(network) == [1, 1]
    assert np.array_equal(out[1], 255 - photo(1100, 1100))


@pytest.mark.parametrize(
    "failure",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes."),
        MemoryError(),
    ],
    ids=["cuda", "cpu", "python"],
)
def test_memory_that_runs_out_after_all(failure: BaseException) -> None:
    class Hungry(Identity):
        def forward(self, x: Tensor) -> Tensor:
            raise failure

    with pytest.raises(ImtransError, match="30 x 20 pixels takes more memory than there is") as caught:
        Translator(Hungry(), CARD)(photo(30, 20))
    assert "--max-size 15" in caught.value.hint


def test_other_failures_of_a_network_are_not_disguised() -> None:
    class Buggy(Identity):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        Translator(Buggy(), CARD)(photo(3, 3))


# --- loading ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    save_file({"gain": torch.ones(1)}, tmp_path / "toy.safetensors")
    return tmp_path / "toy.safetensors"


def test_load_by_card_and_by_name(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    t = imtrans.load(CARD, weights=checkpoint, precision="fp32", device="cpu")
    assert np.array_equal(t(photo(5, 6)), 255 - photo(5, 6))
    assert (t.card, t.precision, t.device) == (CARD, "fp32", torch.device("cpu"))
    assert "toy" in t.weights
    assert all(word in t.describe() for word in ("toy", "cpu", "fp32"))
    assert t.describe() in repr(t)

    def find(name: str) -> Card:
        assert name == "toy"
        return CARD

    monkeypatch.setattr("imtrans.registry.find", find)
    assert isinstance(imtrans.load("toy", weights=str(checkpoint)).network, Negative)


def test_load_takes_bf16_by_itself_where_the_hardware_has_it(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imtrans.device.computes_bf16", lambda device: True)
    assert imtrans.load(CARD, weights=checkpoint, device="cpu").precision == "bf16"
    careful = replace(CARD, precisions=("fp32",))
    assert imtrans.load(careful, weights=checkpoint, device="cpu").precision == "fp32"


def test_load_falls_back_with_the_real_file(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imtrans.device.computes_bf16", lambda device: True)
    monkeypatch.setattr(Negative, "forward", Overflow.forward)
    t = imtrans.load(CARD, weights=checkpoint, device="cpu")
    assert np.array_equal(t(photo(5, 6)), photo(5, 6))
    assert t.precision == "fp32"


def test_bad_words_are_refused_before_anything_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imtrans.infer.translator.load_network", lambda *args, **kwargs: pytest.fail("fetched"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError):
        imtrans.load(CARD, device="cuda")
    with pytest.raises(UsageError, match="precision"):
        imtrans.load(CARD, precision="int8")
    with pytest.raises(UsageError, match="backend"):
        imtrans.load(CARD, backend="fast")
    with pytest.raises(ImtransError, match="no model called 'nonsense'"):
        imtrans.load("nonsense")


def test_pil_in_pil_out_keeps_alpha() -> None:
    image = Image.fromarray(photo(9, 7, 4), "RGBA")
    out = Translator(Negative(), CARD)(image)
    assert np.array_equal(np.asarray(out)[..., 3], photo(9, 7, 4)[..., 3])
    assert np.array_equal(np.asarray(out)[..., :3], 255 - photo(9, 7, 4)[..., :3])
