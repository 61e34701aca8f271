"""From a network's graph to the steps that compute the same: which layer waits for which, and who applies what."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from imtrans.errors import ImtransError
from imtrans.infer.fast.steps import Awaited, Convolve, Finish, Step, Tanh
from imtrans.nn import InstanceNorm2d, ReflectConv2d
from imtrans.ops.packed_convolution import Border, Layer, Norm, Packable, layer_of


class UnsupportedError(ImtransError):
    """A network that the fast path cannot run; the message says which part of it."""


@dataclass(frozen=True)
class Value:
    """What a node of the graph gives: a slot, and what whoever reads it has to do first."""

    slot: int
    awaited: Awaited | None = None
    border: Border = "zeros"
    padding: int = 0
    writer: Convolve | None = None
    """The convolution whose raw output this is."""


@dataclass(frozen=True)
class Plan:
    """The steps of a network in their order, and the slots of its input and output."""

    steps: list[Step]
    source: int
    target: int


class _Tracer(fx.Tracer):
    """Stops at the layers that steps exist for and at those of torch, and looks into everything else."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        known = any(isinstance(m, kind) for kind in _MODULES)
        return known or super().is_leaf_module(m, module_qualified_name)


def make_plan(network: nn.Module) -> Plan:
    """The steps that compute what ``network`` computes in evaluation.

    Raises:
        UnsupportedError: the graph depends on the input, or has a layer for which there is no step.
    """
    try:
        graph = _Tracer().trace(network)
    except Exception as error:  # whatever a forward does with a proxy
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnsupportedError(f"the graph of {type(network).__name__} depends on its input ({first}).") from error
    return _Planner(network).plan(graph)


class _Planner:
    def __init__(self, network: nn.Module) -> None:
        self.modules = dict(network.named_modules())
        self.steps: list[Step] = []
        self.values: dict[fx.Node, Value] = {}
        self.slots = 0

    def plan(self, graph: fx.Graph) -> Plan:
        inputs = [node for node in graph.nodes if node.op == "placeholder"]
        if len(inputs) != 1:
            raise UnsupportedError(f"the network takes {len(inputs)} inputs.")
        self.values[inputs[0]] = Value(self._slot())
        for node in graph.nodes:
            if node.op == "output":
                if not isinstance(node.args[0], fx.Node):
                    raise UnsupportedError("the network gives more than one map.")
                return Plan(self.steps, self.values[inputs[0]].slot, self._finished(node.args[0]))
            if node.op != "placeholder":
                self.values[node] = self._value(node)
        raise UnsupportedError("the network gives nothing.")

    def _slot(self) -> int:
        self.slots += 1
        return self.slots - 1

    def _value(self, node: fx.Node) -> Value:
        if node.op == "call_module":
            module = self.modules[str(node.target)]
            for kind, handle in _MODULES.items():
                if isinstance(module, kind):
                    return self._shared(node, handle(self, node, module))
            raise UnsupportedError(f"there is no step for {type(module).__name__} ({node.target}).")
        handler = _FUNCTIONS.get(node.target) if node.op in ("call_function", "call_method") else None
        if handler is None:
            raise UnsupportedError(f"there is no step for {getattr(node.target, '__name__', node.target)}.")
        return self._shared(node, handler(self, node))

    def _shared(self, node: fx.Node, value: Value) -> Value:
        """What several readers want is brought into its final form once, and not by each of them."""
        if len(node.users) > 1 and value.awaited is not None:
            return replace(value, slot=self._finish(value), awaited=None, writer=None)
        return value

    def _input(self, node: fx.Node, position: int = 0) -> Value:
        argument = node.args[position]
        if not isinstance(argument, fx.Node):
            raise UnsupportedError(f"{node.name} takes {argument!r} for a map.")
        return self.values[argument]

    def _plain(self, node: fx.Node, position: int = 0) -> Value:
        value = self._input(node, position)
        if value.padding:
            raise UnsupportedError(f"{node.name} reads a map with a border.")
        return value

    def _finish(self, value: Value, residual: int | None = None) -> int:
        target = self._slot()
        self.steps.append(Finish(value.slot, value.awaited, residual, target))
        return target

    def _finished(self, node: fx.Node) -> int:
        """The slot of the output, which is a map of its own."""
        value = self.values[node]
        if value.padding:
            raise UnsupportedError("the network gives a map with a border.")
        written = {step.target for step in self.steps}
        return value.slot if value.awaited is None and value.slot in written else self._finish(value)

    # --- layers -------------------------------------------------------------------------------------------------------

    def pad(self, node: fx.Node, module: Any) -> Value:
        value, sides = self._plain(node), module.padding
        if not isinstance(sides, tuple) or len(set(sides)) != 1:
            raise UnsupportedError(f"{node.target} pads its sides differently.")
        borders: dict[type, Border] = {nn.ReflectionPad2d: "reflect", nn.ReplicationPad2d: "replicate"}
        return replace(value, padding=int(sides[0]), border=borders.get(type(module), "zeros"), writer=None)

    def convolution(self, node: fx.Node, module: nn.Conv2d | nn.ConvTranspose2d) -> Value:
        value = self._input(node)
        border, padding = value.border, value.padding or None
        if padding and (isinstance(module, nn.ConvTranspose2d) or any(module.padding)):
            raise UnsupportedError(f"{node.target} pads a map that has a border.")
        if not padding and module.padding_mode in ("reflect", "replicate"):
            border = "reflect" if module.padding_mode == "reflect" else "replicate"
        elif module.padding_mode not in ("zeros", "reflect", "replicate"):
            raise UnsupportedError(f"{node.target} has a {module.padding_mode} border.")
        try:
            layer = layer_of(
                module, border=border if not isinstance(module, nn.ConvTranspose2d) else "zeros", padding=padding
            )
        except ValueError as error:
            raise UnsupportedError(f"{node.target}: {error}.") from error
        return self._convolve(value, layer, module.weight, module.bias)

    def reflect_convolution(self, node: fx.Node, module: ReflectConv2d) -> Value:
        value = self._input(node)
        if (value.padding, value.border) != ((module.border, "reflect") if module.padded else (0, value.border)):
            raise UnsupportedError(f"{node.target} meets another border than it expects.")
        try:
            layer = layer_of(module, border="reflect", padding=module.border)
        except ValueError as error:
            raise UnsupportedError(f"{node.target}: {error}.") from error
        return self._convolve(value, layer, module.weight, module.bias)

    def packable(self, node: fx.Node, module: Packable) -> Value:
        return self._convolve(self._plain(node), *module.packed_layer())

    def _convolve(self, value: Value, layer: Layer, weight: torch.Tensor, bias: torch.Tensor | None) -> Value:
        step = Convolve(value.slot, value.awaited, layer, weight, bias, self._slot())
        self.steps.append(step)
        return Value(step.target, writer=step)

    def instance_norm(self, node: fx.Node, module: InstanceNorm2d) -> Value:
        value = self._plain(node)
        if value.writer is None:
            raise UnsupportedError(f"{node.target} normalises what no convolution has just written.")
        slope = {"none": 1.0, "relu": 0.0}.get(module.activation, module.slope)
        norm = Norm(_numbers(module.weight), _numbers(module.bias), module.eps)
        if value.writer.norm is not None:
            raise UnsupportedError(f"{node.target} normalises a map for the second time.")
        value.writer.norm = norm
        normalised = Value(value.slot, Awaited(slope))
        arguments = dict(zip(("x", "residual"), node.args, strict=False)) | node.kwargs
        if (residual := arguments.get("residual")) is not None:
            normalised = Value(self._finish(normalised, self._residual(residual)))
        return replace(normalised, padding=module.pad, border="reflect") if module.pad else normalised

    def _residual(self, node: Any) -> int:
        if not isinstance(node, fx.Node):
            raise UnsupportedError("a residual is no map of the network.")
        value = self.values[node]  # of a padded map the interior counts, which is what its slot holds
        return value.slot if value.awaited is None else self._finish(value)

    def batch_norm(self, node: fx.Node, module: nn.BatchNorm2d) -> Value:
        value = self._plain(node)
        if value.awaited is not None or module.running_mean is None or module.running_var is None:
            raise UnsupportedError(f"{node.target} is no batch norm behind a convolution, with statistics of its own.")
        scale = torch.rsqrt(module.running_var.float() + module.eps)
        scale = scale if module.weight is None else scale * module.weight.detach().float()
        shift = -module.running_mean.float() * scale
        shift = shift if module.bias is None else shift + module.bias.detach().float()
        return Value(value.slot, Awaited(1.0, scale, shift))

    def activation(self, node: fx.Node, slope: float) -> Value:
        value = self._input(node)
        if value.awaited is None or value.awaited.slope != 1:
            raise UnsupportedError(f"{node.name} activates what was not just normalised.")
        return replace(value, awaited=replace(value.awaited, slope=slope), writer=None)

    def tanh(self, node: fx.Node) -> Value:
        value = self._plain(node)
        if value.writer is None or value.awaited is not None or len(value_users := node.all_input_nodes[0].users) != 1:
            raise UnsupportedError(f"{node.name} does not follow a convolution.")
        del value_users
        self.steps.append(Tanh(value.slot))
        return Value(value.slot)

    def add(self, node: fx.Node) -> Value:
        one, other = self._plain(node, 0), self._plain(node, 1)
        if other.awaited is not None:
            one, other = other, one
        residual = other.slot if other.awaited is None else self._finish(other)
        return Value(self._finish(one, residual))

    def same(self, node: fx.Node) -> Value:
        return self._input(node)


def _numbers(parameter: torch.Tensor | None) -> torch.Tensor | None:
    return None if parameter is None else parameter.detach().float().contiguous()


def _slope(node: fx.Node, module: nn.LeakyReLU) -> float:
    return float(module.negative_slope)


_Handler = Callable[[_Planner, fx.Node, Any], Value]
_MODULES: dict[Any, _Handler] = {
    (nn.ReflectionPad2d, nn.ReplicationPad2d, nn.ZeroPad2d): _Planner.pad,
    ReflectConv2d: _Planner.reflect_convolution,  # before Conv2d, which it is as well
    (nn.Conv2d, nn.ConvTranspose2d): _Planner.convolution,
    InstanceNorm2d: _Planner.instance_norm,
    Packable: _Planner.packable,
    nn.BatchNorm2d: _Planner.batch_norm,
    nn.ReLU: lambda planner, node, module: planner.activation(node, 0.0),
    nn.LeakyReLU: lambda planner, node, module: planner.activation(node, _slope(node, module)),
    nn.Tanh: lambda planner, node, module: planner.tanh(node),
    # In evaluation these do nothing.
    (nn.Identity, nn.Dropout, nn.Dropout2d): lambda planner, node, module: planner.same(node),
}
_FUNCTIONS: dict[Any, Callable[[_Planner, fx.Node], Value]] = {
    operator.add: _Planner.add,
    torch.add: _Planner.add,
    torch.tanh: _Planner.tanh,
    functional.relu: lambda planner, node: planner.activation(node, 0.0),
    torch.relu: lambda planner, node: planner.activation(node, 0.0),
}
