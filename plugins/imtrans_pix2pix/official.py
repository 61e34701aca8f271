"""The generators that pix2pix's authors publish, by the authors' own names.

Source of names and address: ``scripts/download_pix2pix_model.sh`` of junyanz/pytorch-CycleGAN-and-pix2pix. The authors
publish neither sizes nor digests; a U-Net with eight halvings in float32 has 217.7 million bytes.
"""

from __future__ import annotations

from imtrans import Weights

URL = "http://efrosgans.eecs.berkeley.edu/pix2pix/models-pytorch/{name}.pth"

LICENCE = (
    "not stated by the authors for the weights; their code is under BSD terms, "
    "and the pictures that the weights were trained on have terms of their own"
)

MAX_SIZE = 256 << 20
"""Bytes: room for one U-Net with eight halvings in float32 and little else."""

SUMMARIES = {
    "edges2shoes": "outlines into shoes",
    "sat2map": "aerial photographs into street maps",
    "map2sat": "street maps into aerial photographs",
    "facades_label2photo": "label maps into photographs of facades",
    "day2night": "daylight into night",
}

OFFICIAL = tuple(
    Weights(name=name, summary=summary, licence=LICENCE, url=URL.format(name=name), max_size=MAX_SIZE)
    for name, summary in SUMMARIES.items()
)
