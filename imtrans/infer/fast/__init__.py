"""Networks of convolutions and instance norms, run on the CPU faster than layer by layer.

:func:`compile_network` reads a network's graph and packs its weights into a :class:`FastNetwork`, which
computes what the network computes: one layout from the first layer to the last, every normalisation applied by the
convolution that reads it, every border read through, the same memory from picture to picture. See
``docs/fast-path.md``.
"""

from __future__ import annotations

from imtrans.infer.fast.network import FastNetwork, compile_network
from imtrans.infer.fast.path import FastPath
from imtrans.infer.fast.trace import UnsupportedError

__all__ = ["FastNetwork", "FastPath", "UnsupportedError", "compile_network"]
