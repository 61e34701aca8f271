"""The parts of the native build, for :mod:`imtrans.ops.build` and for ``setup.py``.

A library comes about in two ways, from the same sources, flags and code:

* ahead of time, by ``setup.py``, where torch is importable while imtrans is installed; it lies in the package;
* on demand, by ``imtrans kernels build``; it lies in the user's cache, one folder for each recipe.

From the bottom: ``sources`` (what is compiled), ``toolchain`` (by what), ``compile`` (how), ``recipe`` (what tells two
results apart), ``cache`` (where they are kept), ``find`` (which one to load), ``ahead_of_time``.
"""
