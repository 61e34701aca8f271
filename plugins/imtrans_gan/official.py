"""Generators in DCGAN's layout from OpenMMLab's reproductions; the authors themselves published none for PyTorch.

Source of names and addresses: ``configs/dcgan/metafile.yml`` and ``configs/lsgan/metafile.yml`` of open-mmlab/mmagic,
which publish neither sizes nor terms for the weights. The eight last characters of a file's name begin its SHA-256.
The colour models were trained on pictures read as BGR (``to_rgb=False`` in the data sets' configurations).
"""

from __future__ import annotations

from imtrans import Weights

_LICENCE = (
    "not stated for the weights; the code of mmagic that trained them is under Apache-2.0, "
    "and the pictures that they were trained on have terms of their own"
)
_MAX_SIZE = 512 << 20
"""Bytes: room for generator, discriminator and the state of both optimisers."""


def _weights(name: str, summary: str, path: str, *, colour: bool = True) -> Weights:
    return Weights(
        name=name,
        summary=summary,
        licence=_LICENCE,
        url=f"https://download.openmmlab.com/{path}",
        max_size=_MAX_SIZE,
        config={"order": "BGR"} if colour else {},
    )


DCGAN = (
    _weights(
        "mmagic-mnist",
        "handwritten digits, 64 pixels, grey",
        "mmediting/dcgan/dcgan_mnist-64_b128x1_Glr4e-4_Dlr1e-4_5k_20210512_163926-207a1eaf.pth",
        colour=False,
    ),
    _weights(
        "mmagic-celeba",
        "faces, 64 pixels",
        "mmediting/dcgan/dcgan_celeba-cropped_64_b128x1_300kiter_20210408_161607-1f8a2277.pth",
    ),
    _weights(
        "mmagic-bedroom",
        "bedrooms, 64 pixels",
        "mmediting/dcgan/dcgan_lsun-bedroom_64_b128x1_5e_20210408_161713-117c498b.pth",
    ),
)

LSGAN = (
    _weights(
        "mmagic-celeba",
        "faces, 64 pixels",
        "mmgen/lsgan/lsgan_celeba-cropped_dcgan-archi_lr-1e-3_64_b128x1_12m_20210429_144001-92ca1d0d.pth",
    ),
    _weights(
        "mmagic-celeba-128",
        "faces, 128 pixels",
        "mmgen/lsgan/lsgan_celeba-cropped_dcgan-archi_lr-1e-4_128_b64x1_10m_20210429_144229-01ba67dc.pth",
    ),
    _weights(
        "mmagic-bedroom",
        "bedrooms, 64 pixels",
        "mmgen/lsgan/lsgan_lsun-bedroom_dcgan-archi_lr-1e-4_64_b128x1_12m_20210429_144602-ec4ec6bb.pth",
    ),
)
