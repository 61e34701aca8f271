"""pix2pix: image-to-image translation from pairs (Isola, Zhu, Zhou and Efros, CVPR 2017)."""

from __future__ import annotations

from imtrans import Card, Ref, Weights
from imtrans_pix2pix.official import OFFICIAL

SHIPPED = Weights(
    name="outlines2face",
    summary="line drawings of faces into photographs, at 128 pixels",
    licence="CC BY 4.0; trained on the Face Research Lab London Set, DeBruine & Jones 2017, CC BY 4.0, "
    "doi 10.6084/m9.figshare.5047666",
    file="weights/outlines2face.safetensors",
    sha256="c85d067c670b6d496f7e66bcb3223ac0d124ed35dc4eeb4b0ac359c145972eaa",
)

card = Card(
    name="pix2pix",
    summary="translates pictures after examples in pairs: labels into photographs, outlines into objects",
    network_config=Ref("imtrans_pix2pix.config:GeneratorConfig"),
    build=Ref("imtrans.nn.generators:build_generator"),
    recognise=Ref("imtrans_pix2pix.recognise:recognise"),
    method=Ref("imtrans_pix2pix.method:Pix2Pix"),
    method_config=Ref("imtrans_pix2pix.config:Pix2PixConfig"),
    data="paired",
    weights=(SHIPPED, *OFFICIAL),
    default_weights="outlines2face",
    # The authors' test.py leaves the networks in training mode unless it is told --eval (section 3.3 of the paper).
    norm_at_inference="train",
    paper="Isola, Zhu, Zhou, Efros: Image-to-Image Translation with Conditional Adversarial Networks, CVPR 2017, "
    "https://arxiv.org/abs/1611.07004",
)
