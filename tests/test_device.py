from __future__ import annotations

import pytest
import torch

from imtrans import device
from imtrans.device import choose_device, choose_precision
from imtrans.errors import DeviceError, UsageError

CPU = torch.device("cpu")
ALL = ("fp32", "bf16", "fp16")


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"Card {index}")


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_devices_without_a_gpu(no_gpu: None) -> None:
    assert choose_device("auto") == choose_device("cpu") == choose_device(CPU) == CPU
    with pytest.raises(DeviceError, match="no device 'cuda' here") as caught:
        choose_device("cuda")
    assert "cpu" in caught.value.have
    assert "auto" in caught.value.hint


def test_devices_with_two_gpus(two_gpus: None) -> None:
    assert choose_device("auto") == torch.device("cuda")
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(DeviceError, match="cuda:2") as caught:
        choose_device("cuda:2")
    assert "cuda:1 (Card 1)" in caught.value.have


@pytest.mark.parametrize("word", ["gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:²", "cpu:0", "CUDA", "", "tpu"])
def test_words_that_mean_no_device(no_gpu: None, word: str) -> None:
    with pytest.raises(UsageError, match="there is no device called"):
        choose_device(word)


@pytest.mark.parametrize(
    ("bf16", "offered", "expected"), [(True, ALL, "bf16"), (False, ALL, "fp32"), (True, ("fp32",), "fp32")]
)
def test_auto_takes_bf16_where_hardware_and_card_agree(
    monkeypatch: pytest.MonkeyPatch, bf16: bool, offered: tuple[str, ...], expected: str
) -> None:
    monkeypatch.setattr(device, "computes_bf16", lambda where: bf16)
    assert choose_precision("auto", CPU, offered) == expected


def test_cpu_bf16_follows_the_instruction_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for capabilities, expected in (
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True, "avx512_bf16": False}, True),
        ({"avx2": True, "avx512_bf16": False}, False),
        ({}, False),
    ):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda found=capabilities: found)
        assert device.computes_bf16(CPU) is expected


def test_precisions_by_name() -> None:
    assert choose_precision("bf16", CPU, ALL) == "bf16"
    with pytest.raises(UsageError, match="no precision called 'fp8'") as caught:
        choose_precision("fp8", CPU, ALL)
    assert "fp16" in caught.value.have
    with pytest.raises(UsageError, match="no sound pictures in fp16") as caught:
        choose_precision("fp16", CPU, ("fp32", "bf16"))
    assert "fp32, bf16" in caught.value.have
