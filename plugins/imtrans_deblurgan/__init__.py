"""DeblurGAN: blind motion deblurring with a conditional Wasserstein GAN (Kupyn et al., CVPR 2018)."""

from __future__ import annotations

from imtrans import Card, Ref, Weights

SHIPPED = Weights(
    name="smallshake",
    summary="takes out the blur of a little shake, up to 12 pixels; a small network, trained without a critic",
    licence="Apache-2.0; trained on photographs under CC0, see the README",
    file="weights/smallshake.safetensors",
    sha256="b88778e5909b6ab97a1637659c73df2c1290adecc595a5733ae538184dff04bb",
)

card = Card(
    name="deblurgan",
    summary="takes the blur of a shaken camera out of photographs",
    network_config=Ref("imtrans_deblurgan.config:GeneratorConfig"),
    build=Ref("imtrans_deblurgan.networks:build_generator"),
    recognise=Ref("imtrans_deblurgan.recognise:recognise"),
    method=Ref("imtrans_deblurgan.method:DeblurGAN"),
    method_config=Ref("imtrans_deblurgan.config:DeblurGANConfig"),
    data="paired",
    weights=(SHIPPED,),
    default_weights="smallshake",
    # The authors' test.py never calls eval(), so batch norms go by the picture and dropout stays on.
    norm_at_inference="train",
    paper="Kupyn, Budzan, Mykhailych, Mishkin, Matas: DeblurGAN: Blind Motion Deblurring Using Conditional Adversarial "
    "Networks, CVPR 2018, https://arxiv.org/abs/1711.07064",
)
