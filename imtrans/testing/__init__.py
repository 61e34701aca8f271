"""Conformance tests for plugins. A plugin's test file inherits them::

from imtrans.testing import PluginSuite


class TestMyModel(PluginSuite):
    model = "mymodel"

Models that generate pictures from random numbers inherit :class:`GeneratorSuite`.
"""

import pytest

# Before the import, so that a failing check shows its operands as a test's own assert does.
for _module in ("card_checks", "network_checks", "translator_checks", "method_checks", "generator_checks", "suite"):
    pytest.register_assert_rewrite(f"imtrans.testing.{_module}")

from imtrans.testing.suite import GeneratorSuite, PluginSuite  # noqa: E402

__all__ = ["GeneratorSuite", "PluginSuite"]
