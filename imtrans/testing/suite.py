""":class:`PluginSuite` and :class:`GeneratorSuite`: every check that a plugin has to pass, inherited by its tests."""

from __future__ import annotations

from typing import ClassVar

from imtrans.testing.card_checks import CardChecks
from imtrans.testing.generator_checks import GenerativeMethodChecks, GenerativeNetworkChecks, GeneratorChecks
from imtrans.testing.method_checks import MethodChecks
from imtrans.testing.network_checks import BuildChecks, NetworkChecks
from imtrans.testing.translator_checks import TranslatorChecks


class PluginSuite(CardChecks, NetworkChecks, TranslatorChecks, MethodChecks):
    """The contract between imtrans and a plugin, as tests.

    Subclass it in a test file of the plugin, with a name that starts with ``Test``, and set ``model``. Models of usual
    size set ``small`` and ``small_training`` too, so that the checks take seconds. :class:`PluginChecks` documents all
    attributes::

        class TestCycleGAN(PluginSuite):
            model = "cyclegan"
            variants = ({}, {"kind": "unet"})
            small = {"ngf": 4, "blocks": 1}
            waivers = {"bf16_is_finite_if_claimed": "overflows before the last layer; issue 12"}
    """


class GeneratorSuite(CardChecks, BuildChecks, GenerativeNetworkChecks, GeneratorChecks, GenerativeMethodChecks):
    """The same contract for models with ``task="generate"``, with the same attributes.

    ``size`` is the side of the pictures that the small networks draw.
    """

    task: ClassVar[str] = "generate"
