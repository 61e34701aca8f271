"""pix2pix: image-to-image translation from pairs (Isola, Zhu, Zhou and Efros, CVPR 2017)."""

from __future__ import annotations

from imtrans import Card, Ref
from imtrans_pix2pix.official import OFFICIAL

card = Card(
    name="pix2pix",
    summary="translates pictures after examples in pairs: labels into photographs, outlines into objects",
    network_config=Ref("imtrans_pix2pix.config:GeneratorConfig"),
    build=Ref("imtrans.nn.generators:build_generator"),
    recognise=Ref("imtrans_pix2pix.recognise:recognise"),
    method=Ref("imtrans_pix2pix.method:Pix2Pix"),
    method_config=Ref("imtrans_pix2pix.config:Pix2PixConfig"),
    data="paired",
    weights=OFFICIAL,
    # The authors' test.py leaves the networks in training mode unless it is told --eval (section 3.3 of the paper).
    norm_at_inference="train",
    paper="Isola, Zhu, Zhou, Efros: Image-to-Image Translation with Conditional Adversarial Networks, CVPR 2017, "
    "https://arxiv.org/abs/1611.07004",
)
