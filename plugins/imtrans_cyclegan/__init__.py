"""CycleGAN: unpaired image-to-image translation (Zhu, Park, Isola and Efros, ICCV 2017)."""

from __future__ import annotations

from imtrans import Card, Ref
from imtrans_cyclegan.official import OFFICIAL

card = Card(
    name="cyclegan",
    summary="translates between two sets of pictures that come in no pairs",
    network_config=Ref("imtrans_cyclegan.config:GeneratorConfig"),
    build=Ref("imtrans_cyclegan.networks:build_generator"),
    recognise=Ref("imtrans_cyclegan.recognise:recognise"),
    method=Ref("imtrans_cyclegan.method:CycleGAN"),
    method_config=Ref("imtrans_cyclegan.config:CycleGANConfig"),
    weights=OFFICIAL,
    paper="Zhu, Park, Isola, Efros: Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, "
    "ICCV 2017, https://arxiv.org/abs/1703.10593",
)
