"""CycleGAN: unpaired image-to-image translation (Zhu, Park, Isola and Efros, ICCV 2017)."""

from __future__ import annotations

from imtrans import Card, Ref, Weights
from imtrans_cyclegan.official import OFFICIAL

PORTRAITS_LICENCE = (
    "Apache-2.0; trained on historic portraits in the public domain and on modern official portraits whose collection "
    "states no licence, see the README's model card"
)

SHIPPED = (
    Weights(
        name="portrait2vintage",
        summary="modern colour portraits into historic monochrome ones",
        licence=PORTRAITS_LICENCE,
        file="weights/portrait2vintage.safetensors",
        sha256="f1482b67d6822f42f69196f494cc2ea42c7e8b5f222678d997f32c192f295b60",
    ),
    Weights(
        name="vintage2portrait",
        summary="historic monochrome portraits into colour ones",
        licence=PORTRAITS_LICENCE,
        file="weights/vintage2portrait.safetensors",
        sha256="e199e2f72178e888a5fe0a326914a3ad335d7cef6a22efe1ddd54add53ae9625",
    ),
)

card = Card(
    name="cyclegan",
    summary="translates between two sets of pictures that come in no pairs",
    network_config=Ref("imtrans_cyclegan.config:GeneratorConfig"),
    build=Ref("imtrans.nn.generators:build_generator"),
    recognise=Ref("imtrans_cyclegan.recognise:recognise"),
    method=Ref("imtrans_cyclegan.method:CycleGAN"),
    method_config=Ref("imtrans_cyclegan.config:CycleGANConfig"),
    data="unpaired",
    weights=(*SHIPPED, *OFFICIAL),
    default_weights="portrait2vintage",
    paper="Zhu, Park, Isola, Efros: Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, "
    "ICCV 2017, https://arxiv.org/abs/1703.10593",
)
