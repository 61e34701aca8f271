"""StyleGAN: pictures from styles, by networks that grow (Karras, Laine and Aila, CVPR 2019)."""

from __future__ import annotations

from imtrans import Card, Ref, Weights

_FFHQ = Weights(
    name="FFHQ",
    summary="faces of people, 1024 pixels, trained by pytorch_GAN_zoo",
    licence="not stated for the weights; the code that trained them is under the BSD 3-clause licence, "
    "and the pictures that they were trained on are for non-commercial use",
    url="https://dl.fbaipublicfiles.com/gan_zoo/StyleGAN/FFHQ_styleGAN-7cbdec00.pth",
    max_size=1 << 30,
)

card = Card(
    name="stylegan",
    summary="draws pictures like those that it was trained on, in styles that can be mixed, by networks that grow",
    task="generate",
    network_config=Ref("imtrans_stylegan.config:GeneratorConfig"),
    build=Ref("imtrans_stylegan.generator:build_generator"),
    recognise=Ref("imtrans_stylegan.recognise:recognise"),
    convert=Ref("imtrans_stylegan.recognise:convert"),
    method=Ref("imtrans_stylegan.method:StyleGAN"),
    method_config=Ref("imtrans_stylegan.config:StyleGANConfig"),
    weights=(_FFHQ,),
    paper="Karras, Laine, Aila: A Style-Based Generator Architecture for Generative Adversarial Networks, CVPR 2019, "
    "https://arxiv.org/abs/1812.04948",
)
