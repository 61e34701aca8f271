"""PGGAN: pictures from networks that grow while they learn (Karras, Aila, Laine and Lehtinen, ICLR 2018)."""

from __future__ import annotations

from imtrans import Card, Ref
from imtrans_pggan.official import OFFICIAL

card = Card(
    name="pggan",
    summary="draws pictures like those that it was trained on, by networks that grow from 4 pixels on",
    task="generate",
    network_config=Ref("imtrans_pggan.config:GeneratorConfig"),
    build=Ref("imtrans_pggan.generator:build_generator"),
    recognise=Ref("imtrans_pggan.recognise:recognise"),
    method=Ref("imtrans_pggan.method:PGGAN"),
    method_config=Ref("imtrans_pggan.config:PGGANConfig"),
    weights=OFFICIAL,
    paper="Karras, Aila, Laine, Lehtinen: Progressive Growing of GANs for Improved Quality, Stability, and Variation, "
    "ICLR 2018, https://arxiv.org/abs/1710.10196",
)
