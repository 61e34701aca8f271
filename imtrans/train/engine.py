"""Where and how a training computes: device, processes and precision, which Lightning Fabric sets up."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning_fabric.plugins.precision import MixedPrecision, Precision
from torch import Tensor, nn

from imtrans.errors import UsageError
from imtrans.train.distribution import Ranks


class Engine:
    """Lightning Fabric for one process of a run, and what the loop asks of it.

    Fabric finds out who launched the process, makes the process group, places tensors and owns autocast and the
    gradient scaler. It does not wrap the networks: see :mod:`imtrans.train.distribution`.

    Args:
        device: where this process trains.
        dtype: ``torch.float32``, or what autocast computes in, with weights in float32.
        local_size: processes on this machine; more than one only inside of :func:`imtrans.train.launch.launch` or
            torchrun, which have to run already.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype = torch.float32, local_size: int = 1) -> None:
        # Fabric would tell of every process group and precision, in the middle of JSON that programs read.
        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
        self.dtype = dtype
        self.precision = make_precision(device, dtype)
        environment = TorchElasticEnvironment() if TorchElasticEnvironment.detect() else LightningEnvironment()
        distributed = environment.creates_processes_externally and _world_size() > 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the number of CPU cores, which is ours to choose
            self.fabric = Fabric(
                accelerator=device.type,
                devices=local_size if device.type == "cpu" or distributed else [device.index or 0],
                num_nodes=max(1, _world_size() // local_size) if distributed else 1,
                strategy="ddp" if distributed else "auto",
                plugins=[environment, self.precision],
            )
            self.fabric.launch()
        self.device = self.fabric.device
        self.ranks = Ranks.of_process_group()

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """The precision in which networks compute."""
        return self.fabric.autocast()

    def backward(self, loss: Tensor) -> None:
        """Differentiate ``loss``; in fp16 it is scaled, so that small gradients do not vanish."""
        self.fabric.backward(loss)

    def clip(self, optimiser: torch.optim.Optimizer, parameters: list[nn.Parameter], largest: float) -> None:
        """Shorten the gradient, over all ``parameters`` together, to the norm ``largest``."""
        if self.scaler is not None:
            self.scaler.unscale_(optimiser)
        torch.nn.utils.clip_grad_norm_(parameters, largest)

    def step(self, optimiser: torch.optim.Optimizer) -> None:
        """Let the optimiser step; with fp16, only where the gradient is finite."""
        self.precision.optimizer_step(optimiser)

    @property
    def scaler(self) -> torch.amp.GradScaler | None:
        """The gradient scaler of fp16."""
        return self.precision.scaler if isinstance(self.precision, MixedPrecision) else None

    def state_dict(self) -> dict[str, Any]:
        """The scaler's state; empty in other precisions."""
        return dict(self.precision.state_dict())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the scaler of :meth:`state_dict`; a run may change its precision."""
        if state and self.scaler is not None:
            self.precision.load_state_dict(dict(state))


def make_precision(device: torch.device, dtype: torch.dtype) -> Precision:
    """Fabric's plugin: autocast for the two half precisions, with a scaler for fp16, and nothing for float32."""
    if dtype == torch.float32:
        return Precision()
    if dtype == torch.bfloat16:
        return MixedPrecision("bf16-mixed", device.type)
    return MixedPrecision("16-mixed", device.type, torch.amp.GradScaler(device.type))


def launched_externally() -> bool:
    """Whether torchrun (or :func:`imtrans.train.launch.launch`) has made this process one of several."""
    return "LOCAL_RANK" in os.environ and _world_size() > 1


def local_size() -> int:
    """Processes of the run on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", _world_size())) if launched_externally() else 1


def choose_local_device(device: torch.device, count: int | None) -> torch.device:
    """The device of this process, where torchrun decides how many there are.

    Args:
        device: what the user asked for.
        count: the number of devices that the user asked for, if any.

    Raises:
        UsageError: the two launchers contradict each other.
    """
    if not launched_externally():
        return device
    if count is not None and count != local_size():
        raise UsageError(
            f"--devices {count} contradicts the launcher, which has started {local_size()} processes here.",
            hint="Leave --devices away under torchrun.",
        )
    return torch.device("cuda", int(os.environ["LOCAL_RANK"])) if device.type == "cuda" else device


def _world_size() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))
