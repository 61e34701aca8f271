"""The generators that CycleGAN's authors publish, by the authors' own names.

Source of names and address: ``scripts/download_cyclegan_model.sh`` of junyanz/pytorch-CycleGAN-and-pix2pix. The
authors publish neither sizes nor digests; a ResNet-9 generator in float32 has 45.5 million bytes.
"""

from __future__ import annotations

from imtrans import Weights

URL = "http://efrosgans.eecs.berkeley.edu/cyclegan/pretrained_models/{name}.pth"

LICENCE = (
    "not stated by the authors for the weights; their code is under BSD terms, "
    "and the pictures that the weights were trained on have terms of their own"
)

MAX_SIZE = 64 << 20
"""Bytes: room for one ResNet-9 generator in float32 and little else."""

SUMMARIES = {
    "apple2orange": "apples into oranges",
    "orange2apple": "oranges into apples",
    "summer2winter_yosemite": "summer in Yosemite into winter",
    "winter2summer_yosemite": "winter in Yosemite into summer",
    "horse2zebra": "horses into zebras",
    "zebra2horse": "zebras into horses",
    "monet2photo": "Monet's paintings into photographs",
    "style_monet": "photographs into paintings by Monet",
    "style_cezanne": "photographs into paintings by Cezanne",
    "style_ukiyoe": "photographs into ukiyo-e prints",
    "style_vangogh": "photographs into paintings by van Gogh",
    "sat2map": "aerial photographs into street maps",
    "map2sat": "street maps into aerial photographs",
    "cityscapes_photo2label": "street scenes into label maps (Cityscapes)",
    "cityscapes_label2photo": "label maps into street scenes (Cityscapes)",
    "facades_photo2label": "photographs of facades into label maps",
    "facades_label2photo": "label maps into photographs of facades",
    "iphone2dslr_flower": "flowers by a telephone's camera into a shallow depth of field",
}

OFFICIAL = tuple(
    Weights(name=name, summary=summary, licence=LICENCE, url=URL.format(name=name), max_size=MAX_SIZE)
    for name, summary in SUMMARIES.items()
)
