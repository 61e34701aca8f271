"""The generators that pytorch_GAN_zoo publishes, by its own names; PGGAN's authors published theirs for TensorFlow.

Source of names and addresses: ``hubconf.py`` of facebookresearch/pytorch_GAN_zoo, which publishes no sizes. The eight
last characters of a file's name begin its SHA-256. A file holds both networks and the generator's average.
"""

from __future__ import annotations

from imtrans import Weights

_LICENCE = (
    "not stated for the weights; the code that trained them is under the BSD 3-clause licence, "
    "and the pictures that they were trained on have terms of their own"
)
_MAX_SIZE = 512 << 20
"""Bytes: room for the three networks, of some 23 million weights each."""


def _weights(name: str, summary: str, file: str) -> Weights:
    url = f"https://dl.fbaipublicfiles.com/gan_zoo/PGAN/{file}"
    return Weights(name=name, summary=summary, licence=_LICENCE, url=url, max_size=_MAX_SIZE)


OFFICIAL = (
    _weights("celebAHQ-256", "faces of celebrities, 256 pixels", "celebaHQ_s6_i80000-6196db68.pth"),
    _weights("celebAHQ-512", "faces of celebrities, 512 pixels", "celebaHQ16_december_s7_i96000-9c72988c.pth"),
    _weights("DTD", "textures, 128 pixels", "testDTD_s5_i96000-04efa39f.pth"),
    _weights("celeba", "faces of celebrities, cropped, 128 pixels", "celebaCropped_s5_i83000-2b0acc76.pth"),
)
