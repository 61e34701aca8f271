"""mymodel: a residual generator against a patch discriminator, learnt from two sets of pictures."""

from __future__ import annotations

from imtrans import Card, Ref

# imtrans imports this file to list its models, so nothing here may import torch: references are strings.
card = Card(
    name="mymodel",
    summary="gives pictures of one set the look of another",
    network_config=Ref("imtrans_mymodel.config:GeneratorConfig"),
    build=Ref("imtrans_mymodel.networks:build_generator"),
    recognise=Ref("imtrans_mymodel.networks:recognise"),
    method=Ref("imtrans_mymodel.method:MyModelMethod"),
    method_config=Ref("imtrans_mymodel.config:MethodConfig"),
    data="unpaired",
)
