"""The generators that StyleGAN2's authors publish, by the authors' own names.

Source of names and addresses: the README of NVlabs/stylegan2-ada-pytorch. Its files hold three networks (generator,
discriminator and the average of the generator) in float32 as a Python pickle.
"""

from __future__ import annotations

from imtrans import Weights

URL = "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/{name}.pkl"

LICENCE = "NVIDIA Source Code License: non-commercial use only"

MAX_SIZE = 512 << 20
"""Bytes: room for the three networks at 1024 pixels in float32 and little else."""

SUMMARIES = {
    "ffhq": "faces of people, 1024 pixels",
    "metfaces": "faces from paintings, 1024 pixels",
    "afhqcat": "cats, 512 pixels",
    "afhqdog": "dogs, 512 pixels",
    "afhqwild": "wild animals, 512 pixels",
    "cifar10": "ten classes of small pictures, 32 pixels",
    "brecahad": "breast cancer histology, 512 pixels",
}

OFFICIAL = tuple(
    Weights(name=name, summary=summary, licence=LICENCE, url=URL.format(name=name), max_size=MAX_SIZE)
    for name, summary in SUMMARIES.items()
)
