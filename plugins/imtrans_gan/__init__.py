"""The ladder of the first GANs: seven variants of one plugin, each a card of its own."""

from __future__ import annotations

from imtrans import Card, Ref, Weights
from imtrans_gan.official import DCGAN, LSGAN


def _card(
    name: str,
    summary: str,
    paper: str,
    settings: str,
    *,
    dense: bool = False,
    classes: bool = False,
    weights: tuple[Weights, ...] = (),
) -> Card:
    """A card; all share their networks and their method, and differ in their settings' defaults."""
    network = f"{'Conditional' if classes else ''}{'Dense' if dense else 'Conv'}GeneratorConfig"
    recogniser = f"recognise_{'conditional_' if classes else ''}{'dense' if dense else 'conv'}"
    return Card(
        name=name,
        task="generate",
        summary=summary,
        network_config=Ref(f"imtrans_gan.config:{network}"),
        build=Ref("imtrans_gan.generators:build_generator"),
        recognise=Ref(f"imtrans_gan.recognise:{recogniser}"),
        method=Ref(f"imtrans_gan.method:{'ConditionalGAN' if classes else 'GAN'}"),
        method_config=Ref(f"imtrans_gan.config:{settings}"),
        data="classes" if classes else "single",
        weights=weights,
        paper=paper,
    )


gan = _card(
    "gan",
    "draws pictures like those it learnt from: the first GAN, fully connected",
    "Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville, Bengio: Generative Adversarial Nets, "
    "NeurIPS 2014, https://arxiv.org/abs/1406.2661",
    "GANConfig",
    dense=True,
)
dcgan = _card(
    "dcgan",
    "draws pictures like those it learnt from, by convolutions",
    "Radford, Metz, Chintala: Unsupervised Representation Learning with Deep Convolutional Generative Adversarial "
    "Networks, ICLR 2016, https://arxiv.org/abs/1511.06434",
    "DCGANConfig",
    weights=DCGAN,
)
lsgan = _card(
    "lsgan",
    "DCGAN with least squares in place of cross entropy",
    "Mao, Li, Xie, Lau, Wang, Smolley: Least Squares Generative Adversarial Networks, ICCV 2017, "
    "https://arxiv.org/abs/1611.04076",
    "LSGANConfig",
    weights=LSGAN,
)
wgan = _card(
    "wgan",
    "DCGAN by the Wasserstein distance, with a critic of clipped weights",
    "Arjovsky, Chintala, Bottou: Wasserstein GAN, ICML 2017, https://arxiv.org/abs/1701.07875",
    "WGANConfig",
)
wgan_gp = _card(
    "wgan-gp",
    "DCGAN by the Wasserstein distance, with a penalty on the critic's gradient",
    "Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville: Improved Training of Wasserstein GANs, NeurIPS 2017, "
    "https://arxiv.org/abs/1704.00028",
    "WGANGPConfig",
)
cgan = _card(
    "cgan",
    "draws a picture of the class that it is asked for: fully connected",
    "Mirza, Osindero: Conditional Generative Adversarial Nets, 2014, https://arxiv.org/abs/1411.1784",
    "CGANConfig",
    dense=True,
    classes=True,
)
cdcgan = _card(
    "cdcgan",
    "draws a picture of the class that it is asked for, by convolutions",
    "Mirza, Osindero: Conditional Generative Adversarial Nets, 2014, https://arxiv.org/abs/1411.1784, with the "
    "networks of Radford, Metz, Chintala, ICLR 2016",
    "CDCGANConfig",
    classes=True,
)
