"""The settings of mymodel. A docstring below a field is its help in ``imtrans models show mymodel``."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class GeneratorConfig:
    """Hyper-parameters of the network that runs; every one can be told from the shapes of its weights."""

    width: int = 16
    """Channels between the two convolutions."""

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width must be at least 1, not {self.width}")


@dataclass(frozen=True)
class MethodConfig:
    """How mymodel learns."""

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    """The network that runs."""
    lambda_content: float = 1.0
    """Weight of the loss that keeps a translation near its input."""
    lr: float = 2e-4
    """Learning rate of both networks."""

    def __post_init__(self) -> None:
        if self.lambda_content < 0:
            raise ValueError(f"lambda_content must not be negative, not {self.lambda_content}")
