"""photo2cartoon: portraits into cartoons that stay the same person (Minivision, 2020)."""

from __future__ import annotations

from imtrans import Card, Ref

card = Card(
    name="photo2cartoon",
    summary="turns portraits into cartoons that keep the person: U-GAT-IT with hourglasses and soft-AdaLIN",
    network_config=Ref("imtrans_photo2cartoon.config:GeneratorConfig"),
    build=Ref("imtrans_photo2cartoon.networks:build_generator"),
    recognise=Ref("imtrans_photo2cartoon.recognise:recognise"),
    method=Ref("imtrans_photo2cartoon.method:Photo2Cartoon"),
    method_config=Ref("imtrans_photo2cartoon.config:Photo2CartoonConfig"),
    data="unpaired",
    heatmap=True,
    notes=(
        "The light network (the default) takes pictures of any size. The full one (light=false) has a layer that sees "
        "every pixel of its feature maps, so it takes pictures of img_size x img_size only: others are resized to that "
        "and back. At 256 that layer has 67 of the 71 million weights."
    ),
    # The authors' photo2cartoon_weights.pt holds both generators and all discriminators.
    default_network="genA2B",
    paper="Minivision: photo2cartoon, 2020, https://github.com/minivision-ai/photo2cartoon; after Kim, Kim, Kang, Lee: "
    "U-GAT-IT, ICLR 2020, https://arxiv.org/abs/1907.10830",
)
