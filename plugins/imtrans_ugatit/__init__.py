"""U-GAT-IT: unpaired translation with attention and adaptive normalisation (Kim, Kim, Kang and Lee, ICLR 2020)."""

from __future__ import annotations

from imtrans import Card, Ref

card = Card(
    name="ugatit",
    summary="translates between two unpaired sets that differ in shape too, and shows where it looks",
    network_config=Ref("imtrans_ugatit.config:GeneratorConfig"),
    build=Ref("imtrans_ugatit.networks:build_generator"),
    recognise=Ref("imtrans_ugatit.recognise:recognise"),
    method=Ref("imtrans_ugatit.method:UGATIT"),
    method_config=Ref("imtrans_ugatit.config:UGATITConfig"),
    data="unpaired",
    heatmap=True,
    notes=(
        "The light network (the default) takes pictures of any size. The full one (light=false) has a layer that sees "
        "every pixel of its feature maps, so it takes pictures of img_size x img_size only, as its authors run it: "
        "others are resized to that and back. At 256 that layer alone has 1.07 GB in fp32; training keeps it four "
        "times for each of two generators."
    ),
    paper="Kim, Kim, Kang, Lee: U-GAT-IT: Unsupervised Generative Attentional Networks with Adaptive Layer-Instance "
    "Normalization for Image-to-Image Translation, ICLR 2020, https://arxiv.org/abs/1907.10830",
)
