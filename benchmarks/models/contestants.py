"""Who runs the generator: PyTorch as it comes, other runtimes, imtrans. One entry of ``CONTESTANTS`` each."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import torch
from cuda_timing import capture
from torch import Tensor, nn

from imtrans.errors import MissingExtraError
from imtrans.infer.fast import compile_network
from imtrans.ops import use_backend

Runner = Callable[[], Tensor]
"""Translates the task's picture and gives (N, 3, H, W) in float32."""


@dataclass(frozen=True)
class Task:
    """What everyone is given: the same weights and the same picture."""

    plain: nn.Module
    """The generator in plain PyTorch, float32, contiguous."""
    ours: nn.Module
    """The generator of imtrans with the same weights."""
    x: Tensor
    """Pictures (N, 3, H, W) in [-1, 1], float32, contiguous. Casts and copies of it are part of what is measured."""
    threads: int
    folder: Path
    """Where files may be written."""

    @cached_property
    def onnx(self) -> Path:
        """The plain generator as an ONNX file."""
        require("onnx")
        path = self.folder / "generator.onnx"
        with warnings.catch_warnings():  # about the exporter's age and about checks of sizes, which are constants here
            warnings.simplefilter("ignore")
            torch.onnx.export(self.plain, (self.x,), str(path), dynamo=False, opset_version=17)
        return path


@dataclass(frozen=True)
class Contestant:
    """One row of the table."""

    name: str
    build: Callable[[Task], Runner]
    devices: tuple[str, ...] = ("cpu", "cuda")
    compiles: bool = False
    """Whether ``--no-compile`` leaves it out."""


def require(package: str) -> None:
    """Make sure that an optional package is there.

    Raises:
        MissingExtraError: it is not.
    """
    try:
        __import__(package)
    except ImportError as error:
        raise MissingExtraError(f"{package} is not installed: pip install 'imtrans[bench]'") from error


def module(
    task: Task, *, ours: bool, dtype: torch.dtype, memory_format: torch.memory_format, compile: bool = False
) -> Runner:
    """A PyTorch module, eager or under torch.compile.

    Args:
        task: what to run.
        ours: the generator of imtrans on its fused kernels, or the plain one.
        dtype: of weights and maps.
        memory_format: of weights and maps.
        compile: with ``torch.compile``.
    """
    network = copy.deepcopy(task.ours if ours else task.plain).to(dtype).to(memory_format=memory_format)
    callee: Callable[[Tensor], Tensor] = torch.compile(network, dynamic=False) if compile else network

    def run() -> Tensor:
        with torch.no_grad(), use_backend("fused"):
            return callee(task.x.to(dtype, memory_format=memory_format)).float()

    return run


def packed(task: Task, *, dtype: torch.dtype) -> Runner:
    """The generator of imtrans as ``imtrans run`` runs it on a CPU: packed, not layer by layer."""
    network = compile_network(task.ours, dtype)
    return lambda: network(task.x)


def in_graph(task: Task, *, build: Callable[[Task], Runner]) -> Runner:
    """What ``build`` makes, captured in a CUDA graph."""
    graph, output = capture(build(task), task.x.device)

    def run() -> Tensor:
        graph.replay()
        return output

    return run


def onnx_runtime(task: Task) -> Runner:
    """ONNX Runtime on the CPU in float32."""
    require("onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = task.threads
    session = onnxruntime.InferenceSession(str(task.onnx), options, providers=["CPUExecutionProvider"])
    inputs = {session.get_inputs()[0].name: task.x.numpy()}
    return lambda: torch.from_numpy(session.run(None, inputs)[0])


def openvino(task: Task, *, precision: str) -> Runner:
    """OpenVINO on the CPU, tuned for latency, in ``"f32"`` or ``"bf16"``."""
    require("openvino")
    from openvino import Core

    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": task.threads,
    }
    compiled = Core().compile_model(str(task.onnx), "CPU", settings)
    taken = str(compiled.get_property("INFERENCE_PRECISION_HINT").to_string())
    if taken != precision:
        raise RuntimeError(f"OpenVINO takes {taken} instead of {precision} on this machine")
    request = compiled.create_infer_request()
    picture = task.x.numpy()
    return lambda: torch.from_numpy(request.infer({0: picture})[0])


fp32_contiguous = {"dtype": torch.float32, "memory_format": torch.contiguous_format}
fp32_nhwc = {"dtype": torch.float32, "memory_format": torch.channels_last}
bf16_contiguous = {"dtype": torch.bfloat16, "memory_format": torch.contiguous_format}
bf16_nhwc = {"dtype": torch.bfloat16, "memory_format": torch.channels_last}
plain = partial(partial, module, ours=False)
ours = partial(partial, module, ours=True)

CONTESTANTS = (
    Contestant("eager fp32", plain(**fp32_contiguous)),
    Contestant("eager fp32 channels-last", plain(**fp32_nhwc)),
    Contestant("eager bf16", plain(**bf16_contiguous)),
    Contestant("eager bf16 channels-last", plain(**bf16_nhwc)),
    Contestant("torch.compile fp32", plain(**fp32_contiguous, compile=True), compiles=True),
    Contestant("torch.compile fp32 channels-last", plain(**fp32_nhwc, compile=True), compiles=True),
    Contestant("torch.compile bf16", plain(**bf16_contiguous, compile=True), compiles=True),
    Contestant("torch.compile bf16 channels-last", plain(**bf16_nhwc, compile=True), compiles=True),
    Contestant("ONNX Runtime fp32", onnx_runtime, devices=("cpu",)),
    Contestant("OpenVINO fp32", partial(openvino, precision="f32"), devices=("cpu",)),
    Contestant("OpenVINO bf16", partial(openvino, precision="bf16"), devices=("cpu",)),
    Contestant("imtrans layers fp32", ours(**fp32_nhwc)),
    Contestant("imtrans layers bf16", ours(**bf16_nhwc)),
    Contestant("imtrans packed fp32", partial(packed, dtype=torch.float32), devices=("cpu",)),
    Contestant("imtrans packed bf16", partial(packed, dtype=torch.bfloat16), devices=("cpu",)),
    Contestant("eager bf16 in a CUDA graph", partial(in_graph, build=plain(**bf16_nhwc)), devices=("cuda",)),
    Contestant("imtrans layers bf16 in a CUDA graph", partial(in_graph, build=ours(**bf16_nhwc)), devices=("cuda",)),
)
"""Another one is another entry: a name and a function that takes a :class:`Task` and gives a :data:`Runner`."""
