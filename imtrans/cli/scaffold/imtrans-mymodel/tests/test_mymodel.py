"""mymodel keeps the contract between imtrans and its plugins; add tests of your own below."""

from __future__ import annotations

from imtrans.testing import PluginSuite


class TestMyModel(PluginSuite):
    """Every check of the suite, inherited."""

    model = "mymodel"
    variants = ({}, {"width": 3})
