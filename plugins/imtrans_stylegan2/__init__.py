"""StyleGAN2: pictures from styles (Karras, Laine, Aittala, Hellsten, Lehtinen and Aila, CVPR 2020)."""

from __future__ import annotations

from imtrans import Card, Ref, Weights
from imtrans_stylegan2.official import OFFICIAL

SHIPPED = Weights(
    name="portraits64",
    summary="portraits of people who do not exist, at 64 pixels, by a narrow network",
    licence="Apache-2.0; trained on modern official portraits whose collection states no licence, see the README",
    file="weights/portraits64.safetensors",
    sha256="70c3ae5c44d34b6a39190a39807ce863b43c084ce316f05f20c8073e51dd9111",
)

card = Card(
    name="stylegan2",
    summary="draws pictures like those that it was trained on, in styles that can be mixed",
    task="generate",
    network_config=Ref("imtrans_stylegan2.config:GeneratorConfig"),
    build=Ref("imtrans_stylegan2.generator:build_generator"),
    recognise=Ref("imtrans_stylegan2.recognise:recognise"),
    convert=Ref("imtrans_stylegan2.foreign:convert"),
    method=Ref("imtrans_stylegan2.method:StyleGAN2"),
    method_config=Ref("imtrans_stylegan2.config:StyleGAN2Config"),
    data="single",
    weights=(SHIPPED, *OFFICIAL),
    default_weights="portraits64",
    paper="Karras, Laine, Aittala, Hellsten, Lehtinen, Aila: Analyzing and Improving the Image Quality of StyleGAN, "
    "CVPR 2020, https://arxiv.org/abs/1912.04958",
)
